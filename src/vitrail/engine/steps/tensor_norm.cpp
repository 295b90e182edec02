#include <cmath>
#include <limits>

#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/reduce_kernels.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"

namespace vitrail::engine_detail {
namespace {

// One image of a channels-last map, `count` channels from `x`: y = x * scale + shift by channel, so that each
// channel has mean 0 and variance 1 before the operator's own scale and bias.
void normalize_channels(const float* x, float* y, int64_t pixels, int64_t channels, int64_t count,
                        const float* scale, const float* bias, double epsilon) {
  double sums[kernel::fold_columns] = {}, squares[kernel::fold_columns] = {};
  float mean[kernel::fold_columns], factor[kernel::fold_columns], shift[kernel::fold_columns];
  kernel::fold_rows(kernel::Fold::sum, x, channels, pixels, count, sums);
  const double n = static_cast<double>(pixels);
  for (int64_t c = 0; c < count; ++c)
    mean[c] = static_cast<float>(sums[c] / n);
  kernel::squared_deviations(x, channels, pixels, count, mean, squares);
  for (int64_t c = 0; c < count; ++c) {
    const double by = scale[c] / std::sqrt(squares[c] / n + epsilon);
    factor[c] = static_cast<float>(by);
    shift[c] = static_cast<float>(bias[c] - mean[c] * by);
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int64_t p = 0; p < pixels; ++p)
    kernel::scale_shift(x + p * channels, factor, shift, y + p * channels, count, -infinity, infinity);
}

Step instance_norm_of_maps(const StepContext& context, const Layer& layer, double epsilon) {
  Step step = step_of(context, layer, "instance_norm");
  step.may_reuse = layer.inputs[0];
  const Shape& shape = step.report.output;
  step.execute = [=, images = shape[0], channels = shape[1], pixels = shape[2] * shape[3], in = layer.inputs,
                  out = layer.output](const Memory& memory) {
    const int64_t blocks = (channels + kernel::fold_columns - 1) / kernel::fold_columns;
    parallel_for(images * blocks, 1, [&](int64_t index) {
      const int64_t first = index % blocks * kernel::fold_columns;
      const int64_t at = index / blocks * pixels * channels + first;
      normalize_channels(memory.read(in[0]) + at, memory.write(out) + at, pixels, channels,
                         std::min(kernel::fold_columns, channels - first), memory.read(in[1]) + first,
                         memory.read(in[2]) + first, epsilon);
    });
  };
  return step;
}

}  // namespace

Step make_layer_norm(const StepContext& context, const Layer& layer, const op::LayerNormalization& norm) {
  Step step = step_of(context, layer, "layer_norm");
  step.may_reuse = layer.inputs[0];
  const Shape& shape = step.report.output;
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t rows = 1, size = 1;
  for (int64_t d = 0; d < rank; ++d)
    (d < (norm.axis < 0 ? norm.axis + rank : norm.axis) ? rows : size) *= shape[static_cast<size_t>(d)];
  const ValueId bias = optional_input(layer, 2);
  step.execute = [=, x = layer.inputs[0], scale = layer.inputs[1], y = layer.output,
                  epsilon = static_cast<float>(norm.epsilon)](const Memory& memory) {
    parallel_for(rows, std::max<int64_t>(elements_worth_a_thread / 4 / size, 1), [&](int64_t row) {
      kernel::normalize_row(memory.read(x) + row * size, memory.read(scale),
                            bias == no_value ? nullptr : memory.read(bias), memory.write(y) + row * size,
                            size, epsilon);
    });
  };
  return step;
}

Step make_instance_norm(const StepContext& context, const Layer& layer,
                        const op::InstanceNormalization& norm) {
  if (context.network.value(layer.output).channels_last())
    return instance_norm_of_maps(context, layer, norm.epsilon);
  Step step = step_of(context, layer, "instance_norm");
  step.may_reuse = layer.inputs[0];
  const Shape& shape = step.report.output;
  const int64_t channels = shape[1], rows = shape[0] * channels;
  const int64_t size = element_count(shape) / std::max<int64_t>(rows, 1);
  step.execute = [=, epsilon = norm.epsilon, in = layer.inputs, out = layer.output](const Memory& memory) {
    parallel_for(rows, std::max<int64_t>(elements_worth_a_thread / 4 / size, 1), [&](int64_t row) {
      const float* x = memory.read(in[0]) + row * size;
      const kernel::Moments m = kernel::moments(x, size);
      const double factor = memory.read(in[1])[row % channels] / std::sqrt(m.variance + epsilon);
      kernel::affine(x, memory.write(out) + row * size, size, static_cast<float>(factor),
                     static_cast<float>(memory.read(in[2])[row % channels] - m.mean * factor));
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
