#include <algorithm>
#include <cstring>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t outside = -1;

// Where each output position of one dimension comes from; `outside` where the fill value stands.
std::vector<int64_t> sources(int64_t in, int64_t out, int64_t before, op::PadMode mode) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < out; ++i) {
    int64_t at = i - before;
    if (mode == op::PadMode::constant && (at < 0 || at >= in)) at = outside;
    if (mode == op::PadMode::edge) at = std::clamp<int64_t>(at, 0, in - 1);
    if (mode == op::PadMode::reflect) {
      if (at < 0) at = -at;
      if (at >= in) at = 2 * (in - 1) - at;
    }
    result.push_back(at);
  }
  return result;
}

struct Window {
  Shape x, y;
  std::vector<int64_t> rows, columns;
  float fill = 0;
};

void copy_row(const Window& window, const float* from, float* to) {
  const int64_t channels = window.y[1], width = window.y[3];
  for (int64_t x = 0; x < width;) {
    const int64_t source = window.columns[static_cast<size_t>(x)];
    int64_t run = 1;  // pixels that lie side by side in the input too
    while (source != outside && x + run < width &&
           window.columns[static_cast<size_t>(x + run)] == source + run)
      ++run;
    if (source == outside)
      std::fill_n(to + x * channels, channels, window.fill);
    else
      std::memcpy(to + x * channels, from + source * channels,
                  static_cast<size_t>(run * channels) * sizeof(float));
    x += run;
  }
}

void set_execute(Step& step, Window window, ValueId x, ValueId y) {
  step.reads = {x};
  step.execute = [window = std::move(window), x, y](const Memory& memory) {
    const int64_t height = window.y[2], row_in = window.x[3] * window.x[1],
                  row_out = window.y[3] * window.y[1];
    parallel_for(window.y[0] * height, std::max<int64_t>(16384 / row_out, 1), [&](int64_t row) {
      const int64_t source = window.rows[static_cast<size_t>(row % height)];
      float* to = memory.write(y) + row * row_out;
      if (source == outside)
        std::fill_n(to, row_out, window.fill);
      else
        copy_row(window, memory.read(x) + (row / height * window.x[2] + source) * row_in, to);
    });
  };
}

}  // namespace

Step make_crop(const StepContext& context, const Layer& layer, const op::Crop& crop) {
  Step step = step_of(context, layer, "crop");
  Window window{context.shape(layer.inputs[0]), step.report.output, {}, {}, 0};
  window.rows = sources(window.x[2], window.y[2], -crop.top, op::PadMode::constant);
  window.columns = sources(window.x[3], window.y[3], -crop.left, op::PadMode::constant);
  set_execute(step, std::move(window), layer.inputs[0], layer.output);
  return step;
}

Step make_pad(const StepContext& context, const Layer& layer, const op::Pad& pad) {
  Step step = step_of(context, layer, "pad");
  Window window{context.shape(layer.inputs[0]), step.report.output, {}, {}, static_cast<float>(pad.value)};
  window.rows = sources(window.x[2], window.y[2], pad.pads[0], pad.mode);
  window.columns = sources(window.x[3], window.y[3], pad.pads[1], pad.mode);
  set_execute(step, std::move(window), layer.inputs[0], layer.output);
  return step;
}

}  // namespace vitrail::engine_detail
