#pragma once
// A Loop (graph/control_ops.h) trip by trip. Private to staged.h.
//
//   LoopRun loop(std::get<op::Loop>(node.op), options);
//   std::vector<Tensor> results = loop.run({trips, {}, start, image});   // carried, then collected
//
// While the body's inputs keep their sizes a trip is one run of a compiled program. Bodies whose sizes
// depend on values, that grow what they carry or that begin with nothing go in stages, which evaluate what is
// small or only moves elements.

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "vitrail/engine/loop_body.h"
#include "vitrail/engine/staged.h"

namespace vitrail::engine_detail {

/// More trips than any network makes: a loop that goes on then does not end.
inline constexpr int64_t kMostTrips = 100'000;
/// Nor does one without a number of trips that goes on after so many, if they took longer than this.
inline constexpr int64_t kManyTrips = 10'000;
inline constexpr std::chrono::seconds kLongestLoop{10};
/// Bytes that a loop may carry and collect where the engine has no limit of its own.
inline constexpr int64_t kMostLoopBytes = int64_t{8} << 30;

class LoopRun {
 public:
  /// Throws Error(unsupported) naming every node of the body that the engine cannot run.
  LoopRun(const op::Loop& loop, const EngineOptions& options);

  /// Thread-safe. Error(limit) for a loop that does not end, or that makes more than the limit of memory;
  /// Error(shape) where what is collected changes its size.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) const;

 private:
  class Run;
  void expect_room(const std::vector<Shape>& inputs) const;
  StagedRun& stages() const;

  op::Loop loop_;
  LoopBody body_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;  // none where sizes depend on values
  mutable std::once_flag made_stages_;
  mutable std::unique_ptr<StagedRun> stages_;
};

}  // namespace vitrail::engine_detail
