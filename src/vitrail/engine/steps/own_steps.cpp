#include "vitrail/engine/steps/own_steps.h"

#include <algorithm>
#include <array>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/dynamic_deconvolution.h"
#include "vitrail/engine/kernels/encoding.h"
#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t pool_block = 64;  // channels pooled together

// The rows and columns of one bin.
struct Bin {
  int64_t top, bottom, left, right;
};

Bin bin_of(const Shape& x, const std::array<int64_t, 2>& bins, int64_t index) {
  const int64_t by = index / bins[1], bx = index % bins[1];
  return {by * x[2] / bins[0], ceil_div((by + 1) * x[2], bins[0]), bx * x[3] / bins[1],
          ceil_div((bx + 1) * x[3], bins[1])};
}

// `image` is the first of `count` channels.
void largest_of(const Bin& bin, const float* image, const Shape& x, int64_t count, float* out) {
  std::fill_n(out, count, -std::numeric_limits<float>::infinity());
  for (int64_t iy = bin.top; iy < bin.bottom; ++iy)
    for (int64_t ix = bin.left; ix < bin.right; ++ix)
      kernel::max_into(image + (iy * x[3] + ix) * x[1], out, count);
}

void mean_of(const Bin& bin, const float* image, const Shape& x, int64_t count, float* out) {
  double sums[pool_block] = {};  // a large map needs more than a float's 24 bits
  for (int64_t iy = bin.top; iy < bin.bottom; ++iy) {
    float row[pool_block] = {};
    for (int64_t ix = bin.left; ix < bin.right; ++ix)
      kernel::add_into(image + (iy * x[3] + ix) * x[1], row, count);
    for (int64_t c = 0; c < count; ++c)
      sums[c] += static_cast<double>(row[c]);
  }
  const auto area = static_cast<double>((bin.bottom - bin.top) * (bin.right - bin.left));
  for (int64_t c = 0; c < count; ++c)
    out[c] = static_cast<float>(sums[c] / area);
}

}  // namespace

Step make_dynamic_deconvolution(const StepContext& context, const Layer& layer,
                                const op::DynamicDeconvolution& deconvolution) {
  Step step = step_of(context, layer, "dynamic_deconvolution");
  const Shape &in = context.shape(layer.inputs[0]), &out = context.shape(layer.output);
  const kernels::DynamicDeconvolutionSize size{.images = in[0],
                                               .channels = in[1],
                                               .height = in[2],
                                               .width = in[3],
                                               .out_height = out[2],
                                               .out_width = out[3],
                                               .op = deconvolution,
                                               .layout = kernels::ImageLayout::channels_last};
  step.execute = [size, m = layer.inputs[0], v = layer.inputs[1], d = layer.output](const Memory& memory) {
    kernels::dynamic_deconvolution(size, memory.read(m), memory.read(v), memory.write(d));
  };
  return step;
}

Step make_encoding(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "encoding");
  const Shape &x = context.shape(layer.inputs[0]), &codewords = context.shape(layer.inputs[1]);
  const kernels::EncodingSize size{
      .images = x[0], .pixels = x[2] * x[3], .depth = x[1], .codewords = codewords[0]};
  step.execute = [size, inputs = layer.inputs, e = layer.output](const Memory& memory) {
    kernels::encoding(size, memory.read(inputs[0]), memory.read(inputs[1]), memory.read(inputs[2]),
                      memory.write(e));
  };
  return step;
}

Step make_adaptive_pool(const StepContext& context, const Layer& layer, const op::AdaptivePool& pool) {
  Step step = step_of(context, layer, "adaptive_pool");
  step.execute = [shape = context.shape(layer.inputs[0]), pool, x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    const int64_t channels = shape[1], blocks = ceil_div(channels, pool_block);
    const int64_t bins = pool.bins[0] * pool.bins[1], area = shape[2] * shape[3];
    const int64_t grain = std::max<int64_t>(1, 4096 * bins / (area * pool_block));
    parallel_for(shape[0] * bins * blocks, grain, [&](int64_t index) {
      const int64_t first = index % blocks * pool_block, count = std::min(pool_block, channels - first);
      const int64_t bin = index / blocks % bins, image = index / blocks / bins;
      const float* from = memory.read(x) + image * area * channels + first;
      float* to = memory.write(y) + (image * bins + bin) * channels + first;
      (pool.maximum ? largest_of : mean_of)(bin_of(shape, pool.bins, bin), from, shape, count, to);
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
