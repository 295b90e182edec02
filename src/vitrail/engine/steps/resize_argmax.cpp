#include "vitrail/base/checked.h"
#include "vitrail/engine/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/resample.h"
#include "vitrail/engine/steps/steps.h"

// The largest channel of a linearly resized map without storing that map (at full image size it is by far the
// largest of a segmentation network). Input rows are brought to the output's width as planes, channel by
// channel; each output row blends two of them and keeps the best channel in registers.

namespace vitrail::engine_detail {
namespace {

struct Plan {
  Shape x;
  int64_t images = 0, height = 0, width = 0;
  int64_t stride = 0;  // floats between channels of a resampled row
  AxisTaps rows, columns;

  int64_t plane_floats() const { return x[1] * stride; }
  // Two resampled rows and one row of labels.
  int64_t thread_floats() const { return 2 * plane_floats() + stride; }
};

void resample_planes(const Plan& plan, const float* from, float* to) {
  const int64_t channels = plan.x[1];
  for (int64_t x = 0; x < plan.width; ++x) {
    const Taps& column = plan.columns.outputs[static_cast<size_t>(x)];
    const float *a = from + column.from[0] * channels, *b = from + column.from[1] * channels;
    for (int64_t c = 0; c < channels; ++c)
      to[c * plan.stride + x] = a[c] * column.weight[0] + b[c] * column.weight[1];
  }
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t x = plan.width; x < plan.stride; ++x)
      to[c * plan.stride + x] = 0;
}

void label_rows(const Plan& plan, const float* x, int64_t* y, int64_t begin, int64_t end, float* scratch) {
  float* planes[2] = {scratch, scratch + plan.plane_floats()};
  int64_t held[2] = {-1, -1};
  auto* labels = reinterpret_cast<int32_t*>(scratch + 2 * plan.plane_floats());
  for (int64_t row = begin; row < end; ++row) {
    const Taps& needed = plan.rows.outputs[static_cast<size_t>(row % plan.height)];
    const float* use[2];
    for (size_t t = 0; t < 2; ++t) {
      const int64_t wanted = row / plan.height * plan.x[2] + needed.from[t];
      const int64_t other = row / plan.height * plan.x[2] + needed.from[1 - t];
      size_t slot = held[0] == wanted ? 0 : 1;
      if (held[slot] != wanted) {
        slot = held[0] == other ? 1 : 0;
        held[slot] = wanted;
        resample_planes(plan, x + wanted * plan.x[3] * plan.x[1], planes[slot]);
      }
      use[t] = planes[slot];
    }
    kernel::blended_argmax(use[0], use[1], needed.weight[0], needed.weight[1], plan.x[1], plan.stride, labels,
                           plan.stride);
    for (int64_t i = 0; i < plan.width; ++i)
      y[row * plan.width + i] = labels[i];
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
  plan.stride = round_up(plan.width, 16);
  plan.rows = axis_taps(resize, 0, plan.x[2], plan.height);
  plan.columns = axis_taps(resize, 1, plan.x[3], plan.width);
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
