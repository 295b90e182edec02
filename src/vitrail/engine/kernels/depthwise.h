#pragma once
// A row of results of a depthwise convolution, any kernel, stride and dilation.

#include <cstdint>

namespace vitrail::engine_detail::kernel {

constexpr int64_t most_kernel_rows = 7;  ///< and columns, where convolutions run row by row

struct DepthwiseRow {
  const float* const* rows;  ///< an input row for each kernel row, starting at the first window's first pixel
  int64_t kernel_rows, kernel_columns;
  int64_t step;         ///< floats from one window to the next: stride * channels
  int64_t tap_step;     ///< floats from one kernel column to the next: dilation * channels
  const float* weight;  ///< [kernel rows * kernel columns][channels]
  const float* bias;    ///< by channel
  int64_t channels;
  float low, high;  ///< results are clamped to these
};

/// `width` pixels of results, channels-last.
void depthwise(const DepthwiseRow& row, float* y, int64_t width);

}  // namespace vitrail::engine_detail::kernel
