#include <algorithm>
#include <cmath>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

enum class Result { probability, logarithm };

void contiguous_row(const float* x, float* y, int64_t size, Result result) {
  const float best = kernel::maximum(x, size);
  const float sum = kernel::exp_and_sum(x, y, size, best);
  if (result == Result::probability)
    kernel::scale(y, size, 1.0f / sum);
  else
    kernel::shift(x, y, size, -best - std::log(sum));
}

// The axis strides over `inner` elements; `count` of them side by side are done together. `row` is room for
// `count` values.
void strided_block(const float* x, float* y, int64_t size, int64_t inner, int64_t count, Result result) {
  constexpr int64_t most = 64;
  float best[most], sums[most], row[most];
  std::copy_n(x, count, best);
  for (int64_t i = 1; i < size; ++i)
    kernel::max_into(x + i * inner, best, count);
  std::fill_n(sums, count, 0.0f);
  for (int64_t i = 0; i < size; ++i) {
    float* to = result == Result::probability ? y + i * inner : row;
    for (int64_t j = 0; j < count; ++j)
      to[j] = x[i * inner + j] - best[j];
    kernel::exp_and_sum(to, to, count, 0.0f);
    kernel::add_into(to, sums, count);
  }
  for (int64_t j = 0; j < count; ++j)
    sums[j] = result == Result::probability ? 1.0f / sums[j] : best[j] + std::log(sums[j]);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < count; ++j)
      y[i * inner + j] =
          result == Result::probability ? y[i * inner + j] * sums[j] : x[i * inner + j] - sums[j];
}

Step softmax_step(const StepContext& context, const Layer& layer, const char* kind, int64_t axis,
                  Result result) {
  Step step = step_of(context, layer, kind);
  if (result == Result::probability) step.may_reuse = layer.inputs[0];
  const AxisView view =
      axis_view(step.report.output, axis, !context.network.value(layer.output).channels_last());
  step.execute = [view, result, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    constexpr int64_t block = 64;
    const int64_t blocks = (view.inner + block - 1) / block;
    const int64_t work = view.size * std::min(view.inner, block);
    const int64_t grain = std::max<int64_t>(4096 / std::max<int64_t>(work, 1), 1);
    parallel_for(view.outer * blocks, grain, [&](int64_t index) {
      const int64_t first = index % blocks * block, at = index / blocks * view.size * view.inner + first;
      if (view.inner == 1)
        contiguous_row(memory.read(x) + at, memory.write(y) + at, view.size, result);
      else
        strided_block(memory.read(x) + at, memory.write(y) + at, view.size, view.inner,
                      std::min(block, view.inner - first), result);
    });
  };
  return step;
}

}  // namespace

Step make_softmax(const StepContext& context, const Layer& layer, const op::Softmax& softmax) {
  return softmax_step(context, layer, "softmax", softmax.axis, Result::probability);
}

Step make_log_softmax(const StepContext& context, const Layer& layer, const op::LogSoftmax& softmax) {
  return softmax_step(context, layer, "log_softmax", softmax.axis, Result::logarithm);
}

}  // namespace vitrail::engine_detail
