#pragma once
// A Loop's body as the engine runs it. Private to loop_run.h.
//
// Exporters write "append to a list" as a Concat of what is carried with one piece more. Carried out to the
// letter that copies everything each trip; here the trip makes the piece alone, and the pieces are put
// together once, at the end.

#include <optional>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail::engine_detail {

struct LoopBody {
  Graph graph;                ///< of the same outputs, with the inputs that something reads
  std::vector<size_t> reads;  ///< by input of `graph`: which of the loop's inputs it is
  /// By carried value: the axis along which a trip's result is put behind what was there; nothing where it is
  /// the next value itself.
  std::vector<std::optional<int64_t>> appended;
};

LoopBody body_of(const op::Loop& loop);

}  // namespace vitrail::engine_detail
