#include <algorithm>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/tensor_steps.h"

// The largest of all, and pooling that remembers where its maxima were.

namespace vitrail::engine_detail {

Step make_global_max_pool(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "global_max_pool");
  const Shape& shape = context.shape(layer.inputs[0]);
  step.execute = [=, pixels = shape[2] * shape[3], x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    constexpr int64_t block = 64;  // channels compared together
    const int64_t channels = shape[1], blocks = (channels + block - 1) / block;
    parallel_for(shape[0] * blocks, 1, [&](int64_t index) {
      const int64_t first = index % blocks * block, count = std::min(block, channels - first);
      const float* from = memory.read(x) + index / blocks * pixels * channels + first;
      float* to = memory.write(y) + index / blocks * channels + first;
      std::copy_n(from, count, to);
      for (int64_t p = 1; p < pixels; ++p)
        kernel::max_into(from + p * channels, to, count);
    });
  };
  return step;
}

Step make_max_pool_indices(const StepContext& context, const Layer& layer, const op::MaxPoolIndices& pool) {
  Step step = step_of(context, layer, "max_pool_indices");
  const Shape &in = context.shape(layer.inputs[0]), &out = step.report.output;
  step.execute = [=, from = layer.inputs[0], to = layer.output](const Memory& memory) {
    const int64_t channels = in[1], height = in[2], width = in[3], pixels = out[2] * out[3];
    parallel_for(in[0] * pixels, 16, [&](int64_t i) {
      const int64_t n = i / pixels, top = i % pixels / out[3] * pool.strides[0] - pool.pads[0],
                    left = i % out[3] * pool.strides[1] - pool.pads[1];
      const float* image = memory.read(from) + n * height * width * channels;
      for (int64_t c = 0; c < channels; ++c) {
        float best = -std::numeric_limits<float>::infinity();
        int64_t found = -1;
        for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + pool.kernel[0], height); ++y)
          for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + pool.kernel[1], width); ++x) {
            const float value = image[(y * width + x) * channels + c];
            if (found < 0 || value > best) {
              best = value;
              found = y * width + x;
            }
          }
        memory.write_i64(to)[(n * channels + c) * pixels + i % pixels] =
            (n * channels + c) * height * width + std::max<int64_t>(found, 0);
      }
    });
  };
  return step;
}

Step make_max_unpool(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "max_unpool");
  const Shape &in = context.shape(layer.inputs[0]), &out = step.report.output;
  const int64_t channels = out[1], pixels = in[2] * in[3], plane = out[2] * out[3];
  step.execute = [=, name = layer.name, total = element_count(out), images = in[0], x = layer.inputs[0],
                  indices = layer.inputs[1], y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    const auto* position = reinterpret_cast<const int64_t*>(memory.read(indices));
    float* to = memory.write(y);
    std::fill_n(to, total, 0.0f);
    // Positions are counted in N x C x H x W over the whole result; the last of equals wins, so one thread.
    for (int64_t i = 0; i < images * channels * pixels; ++i) {
      const int64_t at = position[i], p = i % pixels, c = i / pixels % channels, n = i / pixels / channels;
      if (at < 0 || at >= total)
        throw Error(ErrorKind::shape, {.where = cat("node '", name, "' (MaxUnpool)"),
                                       .found = cat("position ", at),
                                       .allowed = cat("0..", total - 1)});
      to[(at / plane / channels * plane + at % plane) * channels + at / plane % channels] =
          from[(n * pixels + p) * channels + c];
    }
  };
  return step;
}

}  // namespace vitrail::engine_detail
