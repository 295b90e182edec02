#pragma once
// The learning rate of each step: pure functions of the step's number, so that a resumed run needs no state.
//
//   Schedule schedule({.kind = ScheduleKind::poly, .rate = 0.01, .steps = 40000, .warmup_steps = 500});
//   optimizer.step(schedule.rate(step));            // step counts from 0
//
// With T = steps, t the step and lr the rate:
//   constant     lr
//   poly         lr (1 - t/T)^power                                 (SPEC 15.1; the first step has the full
//   rate) exponential  lr decay^(t / decay_steps), rounded down to whole steps of decay with `staircase`
//   (SPEC 15.3) cosine       final + (lr - final) (1 + cos(pi t / T)) / 2
//   milestones   lr decay^(how many milestones are at or before t)  (detectron2)
// and never below final_rate. During the first warmup_steps the result is multiplied by a factor that rises
// linearly from warmup_start to 1.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail::train {

enum class ScheduleKind { constant, poly, exponential, cosine, milestones };

std::string_view name_of(ScheduleKind kind);             ///< "constant", "poly", ...
ScheduleKind schedule_kind_from(std::string_view name);  ///< throws Error(usage) listing the names

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::poly;
  double rate = 0.01;                   ///< lr
  int64_t steps = 1;                    ///< T: updates in the whole run
  double final_rate = 0;                ///< the rate never falls below this
  double power = 0.9;                   ///< poly
  double decay = 0.94;                  ///< exponential: factor per decay_steps; milestones: per milestone
  int64_t decay_steps = 1000;           ///< exponential
  bool staircase = true;                ///< exponential
  std::vector<double> milestones = {};  ///< steps
  int64_t warmup_steps = 0;
  double warmup_start = 0;  ///< factor at step 0, in [0, 1]
};

/// Every fault of the options, as text; empty when they are sound.
std::vector<std::string> faults(const ScheduleOptions& options);

class Schedule {
 public:
  /// Throws Error(usage) with every fault of the options.
  explicit Schedule(ScheduleOptions options);

  /// The learning rate of update number `step`, counted from 0. Steps beyond the last have the last one's
  /// limit.
  double rate(int64_t step) const;

  const ScheduleOptions& options() const { return options_; }

 private:
  ScheduleOptions options_;
};

}  // namespace vitrail::train
