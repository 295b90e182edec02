#include "vitrail/engine/steps/byte_kernels.h"

#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail::kernel {
namespace {

// Added and taken away it leaves the nearest integer, halves to even.
constexpr float rounding = 12582912.0f;  // 1.5 * 2^23

inline __attribute__((always_inline)) int rounded(float x, float low, float high) {
  x = x > low ? x : low;
  x = x < high ? x : high;
  return static_cast<int>((x + rounding) - rounding);
}

}  // namespace

VITRAIL_KERNEL void quantize(const float* x, uint8_t* y, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<uint8_t>(rounded(x[i] * factor, 0.0f, 255.0f));
}

VITRAIL_KERNEL void quantize(const float* x, int8_t* y, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<int8_t>(rounded(x[i] * factor, -128.0f, 127.0f));
}

VITRAIL_KERNEL void dequantize(const uint8_t* x, float* y, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<float>(x[i]) * factor;
}

VITRAIL_KERNEL void dequantize(const int8_t* x, float* y, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<float>(x[i]) * factor;
}

VITRAIL_KERNEL void interleave(const uint8_t* const* planes, int64_t channels, uint8_t* y, int64_t count) {
  if (channels == 3) {  // an image
    const uint8_t *a = planes[0], *b = planes[1], *c = planes[2];
    for (int64_t i = 0; i < count; ++i) {
      y[3 * i] = a[i];
      y[3 * i + 1] = b[i];
      y[3 * i + 2] = c[i];
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < channels; ++c)
      y[i * channels + c] = planes[c][i];
}

}  // namespace vitrail::engine_detail::kernel
