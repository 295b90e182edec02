#pragma once
// Inner loops over bytes of 8-bit maps, compiled as those of kernels.h.

#include <cstdint>

namespace vitrail::engine_detail::kernel {

/// y = round(x * factor) + zero within the type's range, halves to even; NaN becomes the smallest.
void quantize(const float* x, uint8_t* y, int64_t count, float factor, int32_t zero);
void quantize(const float* x, int8_t* y, int64_t count, float factor, int32_t zero);
/// y = (x - zero) * factor
void dequantize(const uint8_t* x, float* y, int64_t count, float factor, int32_t zero);
void dequantize(const int8_t* x, float* y, int64_t count, float factor, int32_t zero);
/// y[i channels + c] = planes[c][i] for bytes.
void interleave(const uint8_t* const* planes, int64_t channels, uint8_t* y, int64_t count);

}  // namespace vitrail::engine_detail::kernel
