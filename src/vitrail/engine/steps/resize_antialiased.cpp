// A Resize whose pixels are made of many: rows are summed first, then the pixels of the sum. Maps lie
// channels-last.

#include "vitrail/base/checked.h"
#include "vitrail/engine/kernels/weighted_sum.h"
#include "vitrail/engine/steps/resample.h"
#include "vitrail/graph/resize_positions.h"

namespace vitrail::engine_detail {
namespace {

struct WideTaps {
  std::vector<int64_t> from;
  std::vector<float> weight;
};

std::vector<WideTaps> wide_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out) {
  std::vector<WideTaps> outputs;
  for (int64_t at = 0; at < out; ++at) {
    const ResizeTaps taps = resize_taps(resize, axis, in, out, at);
    outputs.push_back({taps.from, {taps.weight.begin(), taps.weight.end()}});
  }
  return outputs;
}

struct Plan {
  Shape x, y;
  std::vector<WideTaps> rows, columns;

  int64_t row_floats() const { return x[3] * x[1]; }
  int64_t thread_floats() const { return round_up(row_floats(), 16); }
};

// to = the weighted sum of what `taps` names, `length` floats each, `length` apart.
void weigh(const WideTaps& taps, const float* from, int64_t length, std::vector<const float*>& sources,
           float* to) {
  sources.clear();
  for (const int64_t at : taps.from)
    sources.push_back(from + at * length);
  kernel::weighted_sum(sources.data(), taps.weight.data(), std::ssize(sources), to, length);
}

void resize_rows(const Plan& plan, const float* x, float* y, int64_t begin, int64_t end, float* sum) {
  const int64_t channels = plan.y[1], height = plan.y[2], width = plan.y[3];
  std::vector<const float*> sources;
  for (int64_t row = begin; row < end; ++row) {
    const float* image = x + row / height * plan.x[2] * plan.row_floats();
    weigh(plan.rows[static_cast<size_t>(row % height)], image, plan.row_floats(), sources, sum);
    for (int64_t column = 0; column < width; ++column)
      weigh(plan.columns[static_cast<size_t>(column)], sum, channels, sources,
            y + (row * width + column) * channels);
  }
}

}  // namespace

Step make_antialiased_resize(const StepContext& context, const Layer& layer, const op::Resize& resize) {
  Step step = step_of(context, layer, "resize");
  Plan plan{context.shape(layer.inputs[0]), step.report.output, {}, {}};
  plan.rows = wide_taps(resize, 0, plan.x[2], plan.y[2]);
  plan.columns = wide_taps(resize, 1, plan.x[3], plan.y[3]);
  execute_by_rows(step, context, layer, std::move(plan));
  return step;
}

}  // namespace vitrail::engine_detail
