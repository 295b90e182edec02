#pragma once
// The exponential of floats without a branch, so that loops over it vectorise:
//
//   #pragma omp simd
//   for (int64_t i = 0; i < n; ++i) y[i] = fast_exp(x[i]);

#include <bit>
#include <cstdint>

namespace vitrail {

/// exp(x) to 2e-7 relative for x in [-87.3, 88.3], where the result is a normal number: 2^n times a
/// polynomial on [-ln2/2, ln2/2] (Cephes expf).
[[gnu::always_inline]] inline float exp_in_range(float x) {
  // Adding 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits; NaN has a number there,
  // too.
  const float magic = 12582912.0f, rounded = x * 1.44269504f + magic, n = rounded - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(rounded) - std::bit_cast<uint32_t>(magic) + 127u;
  return p * std::bit_cast<float>(exponent << 23);
}

/// Of any x, cut to that range.
[[gnu::always_inline]] inline float fast_exp(float x) {
  x = x < -87.3f ? -87.3f : x;
  return exp_in_range(x > 88.3f ? 88.3f : x);
}

/// Of x <= 0, as softmax needs it: one comparison less.
[[gnu::always_inline]] inline float fast_exp_to_one(float x) {
  return exp_in_range(x < -87.3f ? -87.3f : x);
}

}  // namespace vitrail
