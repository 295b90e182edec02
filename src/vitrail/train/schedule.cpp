#include "vitrail/train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

constexpr std::array<std::string_view, 5> kind_names = {"constant", "poly", "exponential", "cosine",
                                                        "milestones"};

}  // namespace

std::string_view name_of(ScheduleKind kind) {
  return kind_names.at(static_cast<size_t>(kind));
}

ScheduleKind schedule_kind_from(std::string_view name) {
  const auto found = std::find(kind_names.begin(), kind_names.end(), name);
  if (found != kind_names.end()) return static_cast<ScheduleKind>(found - kind_names.begin());
  throw Error(ErrorKind::usage, {.where = "learning-rate schedule",
                                 .found = cat("unknown name '", name, "'"),
                                 .next = did_you_mean(name, {kind_names.begin(), kind_names.end()})});
}

std::vector<std::string> faults(const ScheduleOptions& options) {
  std::vector<std::string> result;
  const auto expect = [&](bool sound, const auto&... text) {
    if (!sound) result.push_back(cat(text...));
  };
  const auto at_least = [](double value, double low) { return std::isfinite(value) && value >= low; };
  expect(at_least(options.rate, 0), "rate is ", options.rate, "; it must be 0 or more");
  expect(options.steps >= 1, "steps is ", options.steps, "; it must be 1 or more");
  expect(at_least(options.final_rate, 0), "final_rate is ", options.final_rate, "; it must be 0 or more");
  expect(at_least(options.power, 0), "power is ", options.power, "; it must be 0 or more");
  expect(at_least(options.decay, 0), "decay is ", options.decay, "; it must be 0 or more");
  expect(options.decay_steps >= 1, "decay_steps is ", options.decay_steps, "; it must be 1 or more");
  expect(options.kind != ScheduleKind::milestones || !options.milestones.empty(),
         "there are no milestones; name the steps after which the rate falls");
  for (const double milestone : options.milestones)
    expect(at_least(milestone, 0), "a milestone is ", milestone, "; it must be 0 or more");
  expect(options.warmup_steps >= 0, "warmup_steps is ", options.warmup_steps, "; it must be 0 or more");
  expect(at_least(options.warmup_start, 0) && options.warmup_start <= 1, "warmup_start is ",
         options.warmup_start, "; it must be in 0..1");
  return result;
}

Schedule::Schedule(ScheduleOptions options) : options_(std::move(options)) {
  if (const std::vector<std::string> found = faults(options_); !found.empty())
    throw Error(ErrorKind::usage, {.where = "learning-rate schedule", .found = join(found, "; ")});
}

double Schedule::rate(int64_t step) const {
  const ScheduleOptions& o = options_;
  const double t = static_cast<double>(std::max<int64_t>(step, 0));
  const double progress = std::min(t / static_cast<double>(o.steps), 1.0);
  double rate = o.rate;
  switch (o.kind) {
    case ScheduleKind::constant: break;
    case ScheduleKind::poly: rate *= std::pow(1 - progress, o.power); break;
    case ScheduleKind::exponential: {
      const double decays = t / static_cast<double>(o.decay_steps);
      rate *= std::pow(o.decay, o.staircase ? std::floor(decays) : decays);
      break;
    }
    case ScheduleKind::cosine:
      rate = o.final_rate + (o.rate - o.final_rate) * (1 + std::cos(std::numbers::pi * progress)) / 2;
      break;
    case ScheduleKind::milestones: {
      const auto passed =
          std::count_if(o.milestones.begin(), o.milestones.end(), [&](double m) { return m <= t; });
      rate *= std::pow(o.decay, static_cast<double>(passed));
      break;
    }
  }
  rate = std::max(rate, o.final_rate);
  if (step < o.warmup_steps)
    rate *= o.warmup_start + (1 - o.warmup_start) * t / static_cast<double>(o.warmup_steps);
  return rate;
}

}  // namespace vitrail::train
