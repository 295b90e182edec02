#pragma once
// Where each output row (or column) of a Resize takes its values from.

#include <array>
#include <vector>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

/// The input positions and weights of one output position; the first `taps` entries count.
struct Taps {
  std::array<int64_t, 4> from{};
  std::array<float, 4> weight{};
};

struct AxisTaps {
  int64_t taps = 1;           ///< 1 nearest, 2 linear, 4 cubic
  std::vector<Taps> outputs;  ///< by output position
};

/// The same for a whole row at once: `from` and `weight` hold `taps` rows of `stride` values, one per output.
struct RowTaps {
  int64_t taps = 1, stride = 0;
  std::vector<int32_t> from;
  std::vector<float> weight;
};
RowTaps row_taps(const AxisTaps& taps, int64_t stride);

/// One input row (`in` pixels of `channels` values) as `channels` planes of `taps.stride` resampled values.
/// `plane` is room for `in` values.
void resample_to_planes(const RowTaps& taps, const float* from, int64_t in, int64_t channels, float* plane,
                        float* to);

/// `axis` 0 is vertical, 1 horizontal (graph/resize_positions.h). Not for antialias, which has more taps.
AxisTaps axis_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out);

/// Sets what a resize executes: threads share the output rows (counted over all images), each with scratch of
/// its own. A plan has the result's shape `y`, says its `thread_floats`, and goes with
/// resize_rows(plan, x, y, first row, end, scratch).
template <class Plan>
void execute_by_rows(Step& step, const StepContext& context, const Layer& layer, Plan plan) {
  step.scratch_bytes = context.threads * plan.thread_floats() * static_cast<int64_t>(sizeof(float));
  step.execute = [plan = std::move(plan), x = layer.inputs[0], y = layer.output](const Memory& memory) {
    parallel_ranges(plan.y[0] * plan.y[2], 1, [&](int64_t begin, int64_t end, int thread) {
      resize_rows(plan, memory.read(x), memory.write(y), begin, end,
                  reinterpret_cast<float*>(memory.scratch) + thread * plan.thread_floats());
    });
  };
}

}  // namespace vitrail::engine_detail
