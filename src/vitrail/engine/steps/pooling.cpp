#include <algorithm>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/steps.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

struct Window {
  Shape x, y;
  Pair kernel, strides;
  Pads pads;
  Pair dilations{1, 1};
};

// Where one output's window meets the input (every `step`th position from begin), and how many positions it
// has without and with padding.
struct Span {
  int64_t begin, end, step, inside, with_padding;
};

Span span_of(const Window& window, size_t d, int64_t out) {
  const int64_t start = out * window.strides[d] - window.pads[d], in = window.x[2 + d];
  const int64_t step = window.dilations[d], stop = start + (window.kernel[d] - 1) * step + 1;
  const int64_t skipped = start < 0 ? ceil_div(-start, step) : 0;
  Span span{start + skipped * step, std::min(stop, in), step, 0, 0};
  span.inside = span.end > span.begin ? ceil_div(span.end - span.begin, step) : 0;
  // A window that ceil_mode lets hang over the padded input counts only what is in it.
  span.with_padding = std::min(stop, in + window.pads[d + 2]) - start;
  return span;
}

template <class Pool>
Window window_of(const StepContext& context, const Layer& layer, const Pool& pool) {
  Window window{context.shape(layer.inputs[0]), context.shape(layer.output), pool.kernel, pool.strides, {}};
  if constexpr (requires { pool.dilations; }) window.dilations = pool.dilations;
  window.pads = resolved_pads(pool.auto_pad, pool.pads, {window.x[2], window.x[3]}, pool.kernel, pool.strides,
                              window.dilations);
  return window;
}

// pixel(rows, columns, image, y): every output pixel, `image` being the input image and y the pixel's
// channels.
template <class Pixel>
void for_each_pixel(const Window& window, const float* x, float* y, const Pixel& pixel) {
  const int64_t channels = window.y[1], height = window.y[2], width = window.y[3];
  parallel_for(window.y[0] * height, 1, [&](int64_t row) {
    const float* image = x + row / height * window.x[2] * window.x[3] * channels;
    const Span rows = span_of(window, 0, row % height);
    for (int64_t ox = 0; ox < width; ++ox)
      pixel(rows, span_of(window, 1, ox), image, y + (row * width + ox) * channels);
  });
}

}  // namespace

Step make_max_pool(const StepContext& context, const Layer& layer, const op::MaxPool& pool) {
  Step step = step_of(context, layer, "max_pool");
  step.execute = [window = window_of(context, layer, pool), x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    const int64_t channels = window.x[1], width = window.x[3];
    for_each_pixel(window, memory.read(x), memory.write(y),
                   [&](const Span& rows, const Span& columns, const float* image, float* out) {
                     std::fill(out, out + channels, -std::numeric_limits<float>::infinity());
                     for (int64_t iy = rows.begin; iy < rows.end; iy += rows.step)
                       for (int64_t ix = columns.begin; ix < columns.end; ix += columns.step)
                         kernel::max_into(image + (iy * width + ix) * channels, out, channels);
                   });
  };
  return step;
}

Step make_average_pool(const StepContext& context, const Layer& layer, const op::AveragePool& pool) {
  Step step = step_of(context, layer, "average_pool");
  step.execute = [window = window_of(context, layer, pool), padded = pool.count_include_pad,
                  x = layer.inputs[0], y = layer.output](const Memory& memory) {
    const int64_t channels = window.x[1], width = window.x[3];
    for_each_pixel(window, memory.read(x), memory.write(y),
                   [&](const Span& rows, const Span& columns, const float* image, float* out) {
                     std::fill(out, out + channels, 0.0f);
                     for (int64_t iy = rows.begin; iy < rows.end; ++iy)
                       for (int64_t ix = columns.begin; ix < columns.end; ++ix)
                         kernel::add_into(image + (iy * width + ix) * channels, out, channels);
                     const int64_t count =
                         padded ? rows.with_padding * columns.with_padding : rows.inside * columns.inside;
                     kernel::scale(out, channels, 1.0f / static_cast<float>(std::max<int64_t>(count, 1)));
                   });
  };
  return step;
}

Step make_global_average_pool(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "global_average_pool");
  step.execute = [shape = context.shape(layer.inputs[0]), x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    constexpr int64_t block = 64;  // channels summed together
    const int64_t channels = shape[1], width = shape[3], blocks = (channels + block - 1) / block;
    parallel_for(shape[0] * blocks, 1, [&](int64_t index) {
      const int64_t first = index % blocks * block, count = std::min(block, channels - first);
      const float* image = memory.read(x) + index / blocks * shape[2] * width * channels + first;
      double sums[block] = {};  // a large map needs more than a float's 24 bits
      for (int64_t iy = 0; iy < shape[2]; ++iy) {
        float row[block] = {};
        for (int64_t ix = 0; ix < width; ++ix)
          kernel::add_into(image + (iy * width + ix) * channels, row, count);
        for (int64_t c = 0; c < count; ++c)
          sums[c] += row[c];
      }
      float* out = memory.write(y) + index / blocks * channels + first;
      for (int64_t c = 0; c < count; ++c)
        out[c] = static_cast<float>(sums[c] / static_cast<double>(shape[2] * width));
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
