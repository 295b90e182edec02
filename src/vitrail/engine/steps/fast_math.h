#pragma once
// Elementary functions of floats without a branch, so that loops over them vectorise. All within a few units
// in the last place of the true value over the whole range, unless it says otherwise.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "vitrail/base/fast_exp.h"

namespace vitrail::engine_detail::kernel {

[[gnu::always_inline]] inline float clamped(float x, float low, float high) {
  const float y = x < low ? low : x;
  return y > high ? high : y;
}

using vitrail::fast_exp;

/// log of a normal positive number (Cephes logf)
[[gnu::always_inline]] inline float log_of_normal(float x) {
  const int32_t bits = std::bit_cast<int32_t>(x);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2))
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const float m = std::bit_cast<float>(bits - (e << 23)) - 1.0f, z = m * m, n = static_cast<float>(e);
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float y = p * m * z - n * 2.12194440e-4f;
  return (m + (y - 0.5f * z)) + n * 0.693359375f;
}

/// -infinity for what is smaller than the normal numbers, NaN below zero. (Comparing bits and the square root
/// of a negative number keep the compiler from turning the three cases into jumps.)
[[gnu::always_inline]] inline float fast_log(float x) {
  constexpr float smallest = std::numeric_limits<float>::min(),
                  infinity = std::numeric_limits<float>::infinity();
  const int32_t bits = std::bit_cast<int32_t>(x), least = std::bit_cast<int32_t>(smallest);
  const float y = log_of_normal(std::bit_cast<float>(bits < least ? least : bits));
  const float bounded = x >= smallest ? y : std::sqrt(x) - infinity;  // a NaN of either sign stays one
  return bits < std::bit_cast<int32_t>(infinity) ? bounded : x;       // infinity stays
}

/// log(1 + exp(x)) without overflow
[[gnu::always_inline]] inline float softplus(float x) {
  const float size = std::fabs(x), e = fast_exp(-size), u = 1.0f + e;
  // log(1 + e) where 1 + e rounds: Kahan's correction by the part that was lost
  const float log1p = log_of_normal(u) + (e - (u - 1.0f)) / u;
  return 0.5f * (x + size) + log1p;
}

/// Polynomial near zero (Cephes tanhf), by exp elsewhere.
[[gnu::always_inline]] inline float fast_tanh(float x) {
  const float z = x * x, size = std::fabs(x);
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float near = p * z * x + x, far = 1.0f - 2.0f / (fast_exp(2.0f * size) + 1.0f);
  return size < 0.625f ? near : (x < 0.0f ? -far : far);
}

/// Below 1 a polynomial (interpolation at Chebyshev's nodes, relative error 6e-8); above it Abramowitz and
/// Stegun 7.1.26 (absolute error 1.5e-7).
[[gnu::always_inline]] inline float fast_erf(float x) {
  const float z = x * x, size = std::fabs(x);
  float p = -0.0005648059886880219f;
  p = p * z + 0.004921761807054281f;
  p = p * z - 0.026715055108070374f;
  p = p * z + 0.11280316859483719f;
  p = p * z - 0.37612342834472656f;
  p = p * z + 1.1283791065216064f;
  const float t = 1.0f / (1.0f + 0.3275911f * size);
  float q = 1.061405429f;
  q = q * t - 1.453152027f;
  q = q * t + 1.421413741f;
  q = q * t - 0.284496736f;
  q = q * t + 0.254829592f;
  const float far = 1.0f - q * t * fast_exp(-z);
  return size < 1.0f ? p * x : (x < 0.0f ? -far : far);
}

}  // namespace vitrail::engine_detail::kernel
