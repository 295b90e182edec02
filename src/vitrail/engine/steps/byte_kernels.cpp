#include "vitrail/engine/steps/byte_kernels.h"

#include <limits>

#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail::kernel {
namespace {

// Added and taken away it leaves the nearest integer, halves to even.
constexpr float rounding = 12582912.0f;  // 1.5 * 2^23

template <class Byte>
inline __attribute__((always_inline)) void quantize_all(const float* x, Byte* y, int64_t count, float factor,
                                                        int32_t zero) {
  const auto low = static_cast<float>(std::numeric_limits<Byte>::min() - zero),
             high = static_cast<float>(std::numeric_limits<Byte>::max() - zero);
  for (int64_t i = 0; i < count; ++i) {
    float value = x[i] * factor;
    value = value > low ? value : low;
    value = value < high ? value : high;
    y[i] = static_cast<Byte>(static_cast<int32_t>((value + rounding) - rounding) + zero);
  }
}

template <class Byte>
inline __attribute__((always_inline)) void dequantize_all(const Byte* x, float* y, int64_t count,
                                                          float factor, int32_t zero) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<float>(static_cast<int32_t>(x[i]) - zero) * factor;
}

}  // namespace

VITRAIL_KERNEL void quantize(const float* x, uint8_t* y, int64_t count, float factor, int32_t zero) {
  quantize_all(x, y, count, factor, zero);
}

VITRAIL_KERNEL void quantize(const float* x, int8_t* y, int64_t count, float factor, int32_t zero) {
  quantize_all(x, y, count, factor, zero);
}

VITRAIL_KERNEL void dequantize(const uint8_t* x, float* y, int64_t count, float factor, int32_t zero) {
  dequantize_all(x, y, count, factor, zero);
}

VITRAIL_KERNEL void dequantize(const int8_t* x, float* y, int64_t count, float factor, int32_t zero) {
  dequantize_all(x, y, count, factor, zero);
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
