#include <algorithm>

#include "vitrail/engine/layout.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

void contiguous_row(const float* x, float* y, int64_t size) {
  const float sum = kernel::exp_and_sum(x, y, size, kernel::maximum(x, size));
  kernel::scale(y, size, 1.0f / sum);
}

// The axis strides over `inner` elements; `count` of them side by side are done together.
void strided_block(const float* x, float* y, int64_t size, int64_t inner, int64_t count) {
  constexpr int64_t most = 64;
  float best[most], sums[most];
  std::copy_n(x, count, best);
  for (int64_t i = 1; i < size; ++i)
    kernel::max_into(x + i * inner, best, count);
  std::fill_n(sums, count, 0.0f);
  for (int64_t i = 0; i < size; ++i) {
    float* row = y + i * inner;
    for (int64_t j = 0; j < count; ++j)
      row[j] = x[i * inner + j] - best[j];
    kernel::exp_and_sum(row, row, count, 0.0f);
    kernel::add_into(row, sums, count);
  }
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < count; ++j)
      y[i * inner + j] /= sums[j];
}

}  // namespace

Step make_softmax(const StepContext& context, const Layer& layer, const op::Softmax& softmax) {
  Step step = step_of(context, layer, "softmax");
  step.may_reuse = layer.inputs[0];
  const AxisView view = axis_view(step.report.output, softmax.axis);
  step.execute = [view, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    constexpr int64_t block = 64;
    const int64_t blocks = (view.inner + block - 1) / block;
    const int64_t grain = std::max<int64_t>(4096 / (view.size * std::min(view.inner, block)), 1);
    parallel_for(view.outer * blocks, grain, [&](int64_t index) {
      const int64_t first = index % blocks * block, at = index / blocks * view.size * view.inner + first;
      if (view.inner == 1)
        contiguous_row(memory.read(x) + at, memory.write(y) + at, view.size);
      else
        strided_block(memory.read(x) + at, memory.write(y) + at, view.size, view.inner,
                      std::min(block, view.inner - first));
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
