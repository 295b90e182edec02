#include "vitrail/engine/steps/math_kernels.h"

#include "vitrail/engine/steps/fast_math.h"
#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail::kernel {
namespace {

// NAME(x, y, count, alpha, beta): y[i] = EXPRESSION of v.
#define VITRAIL_UNARY(name, expression)                                                           \
  VITRAIL_KERNEL void name(const float* x, float* y, int64_t count, [[maybe_unused]] float alpha, \
                           [[maybe_unused]] float beta) {                                         \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < count; ++i) {                                    \
      const float v = x[i];                                                                       \
      y[i] = expression;                                                                          \
    }                                                                                             \
  }

[[gnu::always_inline]] inline float sign_of(float v) {
  return static_cast<float>(v > 0.0f) - static_cast<float>(v < 0.0f);
}
[[gnu::always_inline]] inline float exponential(float v) {
  const float root = fast_exp(0.5f * v);  // so that it overflows and vanishes where exp does
  return root * root;
}
// exp(v) - 1 for v <= 0 without losing what is small
[[gnu::always_inline]] inline float exp_minus_one(float v) {
  const float h = fast_tanh(0.5f * v);
  return 2.0f * h / (1.0f - h);
}
[[gnu::always_inline]] inline float negative_part(float v) {
  return v < 0.0f ? v : 0.0f;
}
[[gnu::always_inline]] inline float mish(float v) {
  const float e = fast_exp(v < 20.0f ? v : 20.0f), n = e * (e + 2.0f);
  return v * (n / (n + 2.0f));
}

VITRAIL_UNARY(abs_of, v < 0.0f ? -v : v)
VITRAIL_UNARY(negated, -v)
VITRAIL_UNARY(exp_of, exponential(v))
VITRAIL_UNARY(log_of, fast_log(v))
VITRAIL_UNARY(sqrt_of, std::sqrt(v))
VITRAIL_UNARY(reciprocal, 1.0f / v)
VITRAIL_UNARY(floor_of, std::floor(v))
VITRAIL_UNARY(ceil_of, std::ceil(v))
VITRAIL_UNARY(round_of, std::nearbyint(v))
VITRAIL_UNARY(sign, sign_of(v))
VITRAIL_UNARY(erf_of, fast_erf(v))
VITRAIL_UNARY(sin_of, std::sin(v))
VITRAIL_UNARY(cos_of, std::cos(v))
VITRAIL_UNARY(tanh_of, fast_tanh(v))
VITRAIL_UNARY(leaky_relu, v < 0.0f ? alpha * v : v)
VITRAIL_UNARY(elu, v < 0.0f ? alpha * exp_minus_one(negative_part(v)) : v)
VITRAIL_UNARY(selu, beta*(v < 0.0f ? alpha * exp_minus_one(negative_part(v)) : v))
VITRAIL_UNARY(celu, v < 0.0f ? alpha * exp_minus_one(negative_part(v) / alpha) : v)
VITRAIL_UNARY(thresholded_relu, v > alpha ? v : 0.0f)
VITRAIL_UNARY(hard_sigmoid, clamped(alpha* v + beta, 0.0f, 1.0f))
VITRAIL_UNARY(hard_swish, v* clamped(v*(1.0f / 6.0f) + 0.5f, 0.0f, 1.0f))
VITRAIL_UNARY(softplus_of, softplus(v))
VITRAIL_UNARY(softsign, v / (1.0f + (v < 0.0f ? -v : v)))
VITRAIL_UNARY(swish, v / (1.0f + fast_exp(-v)))
VITRAIL_UNARY(mish_of, mish(v))
VITRAIL_UNARY(gelu, 0.5f * v * (1.0f + fast_erf(v * 0.707106781f)))
VITRAIL_UNARY(gelu_tanh, 0.5f * v * (1.0f + fast_tanh(0.797884561f * (v + 0.044715f * v * v * v))))
#undef VITRAIL_UNARY

// The usual steps get loops of their own, which vectorise.
#define VITRAIL_BINARY(name, Result, expression)                                                      \
  inline Result name##_one(float u, float v) {                                                        \
    return expression;                                                                                \
  }                                                                                                   \
  VITRAIL_KERNEL void name(const float* a, int64_t step_a, const float* b, int64_t step_b, Result* y, \
                           int64_t count) {                                                           \
    if (step_a == 1 && step_b == 1) {                                                                 \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < count; ++i) y[i] = name##_one(a[i], b[i]);         \
    } else if (step_a == 1 && step_b == 0) {                                                          \
      const float v = *b;                                                                             \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < count; ++i) y[i] = name##_one(a[i], v);            \
    } else if (step_a == 0 && step_b == 1) {                                                          \
      const float u = *a;                                                                             \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < count; ++i) y[i] = name##_one(u, b[i]);            \
    } else {                                                                                          \
      for (int64_t i = 0; i < count; ++i)                                                             \
        y[i] = name##_one(a[i * step_a], b[i * step_b]);                                              \
    }                                                                                                 \
  }

// Python's %: the sign of the divisor.
[[gnu::always_inline]] inline float floor_modulo(float u, float v) {
  const float r = std::fmod(u, v);
  return r != 0.0f && (r < 0.0f) != (v < 0.0f) ? r + v : r;
}

VITRAIL_BINARY(subtract, float, u - v)
VITRAIL_BINARY(divide, float, u / v)
VITRAIL_BINARY(power, float, std::pow(u, v))
VITRAIL_BINARY(minimum_of, float, v < u || v != v ? v : u)
VITRAIL_BINARY(maximum_of, float, v > u || v != v ? v : u)
VITRAIL_BINARY(modulo, float, floor_modulo(u, v))
VITRAIL_BINARY(remainder_of, float, std::fmod(u, v))
VITRAIL_BINARY(prelu, float, u < 0.0f ? u * v : u)
VITRAIL_BINARY(equal, uint8_t, u == v)
VITRAIL_BINARY(less, uint8_t, u < v)
VITRAIL_BINARY(less_or_equal, uint8_t, u <= v)
VITRAIL_BINARY(greater, uint8_t, u > v)
VITRAIL_BINARY(greater_or_equal, uint8_t, u >= v)
#undef VITRAIL_BINARY

}  // namespace

UnaryKernel unary_kernel(op::Unary::Function function) {
  using F = op::Unary::Function;
  switch (function) {
    case F::abs: return abs_of;
    case F::neg: return negated;
    case F::exp: return exp_of;
    case F::log: return log_of;
    case F::sqrt: return sqrt_of;
    case F::reciprocal: return reciprocal;
    case F::floor: return floor_of;
    case F::ceil: return ceil_of;
    case F::round: return round_of;
    case F::sign: return sign;
    case F::erf: return erf_of;
    case F::sin: return sin_of;
    case F::cos: return cos_of;
    case F::tanh: return tanh_of;
    case F::logical_not: return nullptr;
    case F::leaky_relu: return leaky_relu;
    case F::elu: return elu;
    case F::selu: return selu;
    case F::celu: return celu;
    case F::thresholded_relu: return thresholded_relu;
    case F::hard_sigmoid: return hard_sigmoid;
    case F::hard_swish: return hard_swish;
    case F::softplus: return softplus_of;
    case F::softsign: return softsign;
    case F::swish: return swish;
    case F::mish: return mish_of;
    case F::gelu: return gelu;
    case F::gelu_tanh: return gelu_tanh;
  }
  return nullptr;
}

FloatKernel float_kernel(op::Binary::Function function) {
  using F = op::Binary::Function;
  switch (function) {
    case F::subtract: return subtract;
    case F::divide: return divide;
    case F::power: return power;
    case F::minimum: return minimum_of;
    case F::maximum: return maximum_of;
    case F::modulo: return modulo;
    case F::remainder: return remainder_of;
    case F::prelu: return prelu;
    default: return nullptr;
  }
}

CompareKernel compare_kernel(op::Binary::Function function) {
  using F = op::Binary::Function;
  switch (function) {
    case F::equal: return equal;
    case F::less: return less;
    case F::less_or_equal: return less_or_equal;
    case F::greater: return greater;
    case F::greater_or_equal: return greater_or_equal;
    default: return nullptr;
  }
}

}  // namespace vitrail::engine_detail::kernel
