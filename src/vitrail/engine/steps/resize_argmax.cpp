#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/resample.h"
#include "vitrail/engine/steps/steps.h"

// The largest channel of a linearly resized map without storing that map (at full image size it is by far the
// largest of a segmentation network). Input rows are brought to the output's width as planes, channel by
// channel; output rows between the same two input rows are done a few at a time, with the best channel kept
// in registers.

namespace vitrail::engine_detail {
namespace {

struct Plan {
  Shape x;
  int64_t images = 0, height = 0, width = 0;
  AxisTaps rows;
  RowTaps columns;

  int64_t plane_floats() const { return x[1] * columns.stride; }
  // Two resampled rows, a plane of an input row, and the labels of a few rows.
  int64_t thread_floats() const {
    return 2 * plane_floats() + round_up(x[3], kernel::argmax_block) + kernel::argmax_rows * columns.stride;
  }
};

// The two resampled input rows that one thread works between.
class RowPair {
 public:
  RowPair(const Plan& plan, const float* x, float* scratch)
      : plan_(plan),
        x_(x),
        planes_{scratch, scratch + plan.plane_floats()},
        plane_(scratch + 2 * plan.plane_floats()) {}

  // The planes of input row `wanted`; those of `kept` stay.
  const float* row(int64_t wanted, int64_t kept) {
    for (size_t slot = 0; slot < 2; ++slot)
      if (held_[slot] == wanted) return planes_[slot];
    const size_t slot = held_[0] == kept ? 1 : 0;
    held_[slot] = wanted;
    resample_to_planes(plan_.columns, x_ + wanted * plan_.x[3] * plan_.x[1], plan_.x[3], plan_.x[1], plane_,
                       planes_[slot]);
    return planes_[slot];
  }

 private:
  const Plan& plan_;
  const float* x_;
  float* planes_[2];
  float* plane_;
  int64_t held_[2] = {-1, -1};
};

void label_rows(const Plan& plan, const float* x, int64_t* y, int64_t begin, int64_t end, float* scratch) {
  RowPair pair(plan, x, scratch);
  auto* labels =
      reinterpret_cast<int32_t*>(scratch + plan.thread_floats() - kernel::argmax_rows * plan.columns.stride);
  for (int64_t row = begin; row < end;) {
    const int64_t image = row / plan.height * plan.x[2];
    const Taps& first = plan.rows.outputs[static_cast<size_t>(row % plan.height)];
    float top_weight[kernel::argmax_rows] = {}, bottom_weight[kernel::argmax_rows] = {};
    int64_t count = 0;  // rows of the same image between the same input rows
    for (; count < kernel::argmax_rows && row + count < end && row % plan.height + count < plan.height;
         ++count) {
      const Taps& taps = plan.rows.outputs[static_cast<size_t>(row % plan.height + count)];
      if (taps.from[0] != first.from[0] || taps.from[1] != first.from[1]) break;
      top_weight[count] = taps.weight[0];
      bottom_weight[count] = taps.weight[1];
    }
    const float* top = pair.row(image + first.from[0], image + first.from[1]);
    const float* bottom = pair.row(image + first.from[1], image + first.from[0]);
    kernel::blended_argmax(top, bottom, top_weight, bottom_weight, plan.x[1], plan.columns.stride, labels);
    for (int64_t i = 0; i < count; ++i)
      kernel::widen(labels + i * plan.columns.stride, y + (row + i) * plan.width, plan.width);
    row += count;
  }
}

}  // namespace

Step make_resize_argmax(const StepContext& context, const Layer& layer, const op::Resize& resize) {
  Step step = step_of(context, layer, "resize_argmax");
  const Shape& labels = step.report.output;  // N x 1 x H x W or N x H x W
  Plan plan;
  plan.x = context.shape(layer.inputs[0]);
  plan.images = plan.x[0];
  plan.height = labels[labels.size() - 2];
  plan.width = labels.back();
  plan.rows = axis_taps(resize, 0, plan.x[2], plan.height);
  // An odd number of blocks: planes a power of two apart would fall into the same cache sets.
  const int64_t blocks = ceil_div(plan.width, kernel::argmax_block) | 1;
  plan.columns = row_taps(axis_taps(resize, 1, plan.x[3], plan.width), blocks * kernel::argmax_block);
  step.scratch_bytes = context.threads * plan.thread_floats() * static_cast<int64_t>(sizeof(float));
  step.execute = [plan, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    parallel_ranges(plan.images * plan.height, 4, [&](int64_t begin, int64_t end, int thread) {
      label_rows(plan, memory.read(x), memory.write_i64(y), begin, end,
                 reinterpret_cast<float*>(memory.scratch) + thread * plan.thread_floats());
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
