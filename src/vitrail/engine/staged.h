#pragma once
// Networks with sizes that depend on what they compute: the boxes that NonMaxSuppression keeps, TopK of a
// counted number, crops of computed boxes. No program can be planned for them at once, so they run in stages:
// everything whose size is known, as one engine; then what was computed makes more sizes known; and so on.
//
//   if (sizes_depend_on_values(graph)) {
//     StagedRun staged(graph, weights, options);
//     std::vector<Tensor> outputs = staged.run({image});
//   }
//
// A Loop is run trip by trip (loop_run.h), once what it reads is computed.
//
// Engines of stages are kept: those of the first one for ever, those with computed numbers in them while
// they are among the last few. Tensors without elements (no box is found) never reach an engine.

#include <memory>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/engine/stage_run.h"

namespace vitrail::engine_detail {

class StagedRun {
 public:
  /// Throws Error(unsupported) for a Loop with a body that cannot be run.
  StagedRun(const Graph& graph, const Weights& weights, EngineOptions options,
            Haste haste = Haste::when_needed);
  ~StagedRun();

  /// Thread-safe. Throws Error(unsupported) naming a node whose size never becomes known.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs);
  /// The steps of all stages, one after the other, each with the median of `runs`; the arena is the largest.
  ProgramReport profile(const std::vector<Tensor>& inputs, int runs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail::engine_detail
