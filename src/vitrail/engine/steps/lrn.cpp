#include <algorithm>
#include <cmath>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/fast_math.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/tensor_steps.h"

namespace vitrail::engine_detail {
namespace {

// y = x / divisor^beta, the divisors being positive
VITRAIL_KERNEL void divide_by_power(const float* x, const float* divisors, float* y, int64_t count,
                                    float beta) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] * kernel::fast_exp(-beta * kernel::fast_log(divisors[i]));
}

// The same for divisors of any sign, which no published network has.
void divide_by_any_power(const float* x, const float* divisors, float* y, int64_t count, float beta) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] / std::pow(divisors[i], beta);
}

// bias + alpha / size * the sum of squares over the window of each channel
void divisors_of(const op::LRN& lrn, const float* x, int64_t channels, float* divisors) {
  const int64_t before = (lrn.size - 1) / 2, after = lrn.size - 1 - before;
  double sum = 0;
  const auto square = [&](int64_t c) { return static_cast<double>(x[c]) * static_cast<double>(x[c]); };
  for (int64_t c = 0; c < std::min(after, channels); ++c)
    sum += square(c);
  for (int64_t c = 0; c < channels; ++c) {
    if (c + after < channels) sum += square(c + after);
    if (c - before - 1 >= 0) sum -= square(c - before - 1);
    divisors[c] =
        static_cast<float>(lrn.bias + lrn.alpha / static_cast<double>(lrn.size) * std::max(sum, 0.0));
  }
}

}  // namespace

Step make_lrn(const StepContext& context, const Layer& layer, const op::LRN& lrn) {
  Step step = step_of(context, layer, "lrn");
  step.may_reuse = layer.inputs[0];
  const Shape& shape = step.report.output;
  const auto divide = lrn.bias > 0 && lrn.alpha >= 0 ? divide_by_power : divide_by_any_power;
  step.execute = [lrn, divide, channels = shape[1], pixels = shape[0] * shape[2] * shape[3],
                  x = layer.inputs[0], y = layer.output](const Memory& memory) {
    parallel_ranges(pixels, 64, [&](int64_t begin, int64_t end, int) {
      std::vector<float> divisors(static_cast<size_t>(channels));
      for (int64_t p = begin; p < end; ++p) {
        divisors_of(lrn, memory.read(x) + p * channels, channels, divisors.data());
        divide(memory.read(x) + p * channels, divisors.data(), memory.write(y) + p * channels, channels,
               static_cast<float>(lrn.beta));
      }
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
