#include "vitrail/engine/kernels/depthwise.h"

#include "vitrail/engine/kernels/isa.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::engine_detail::kernel {
namespace {

// The sums of neighbouring results, clamped. (The limits are read once: stores might change what d holds.)
template <int lanes, int pixels>
VITRAIL_INLINE void end_pixels(const DepthwiseRow& d,
                               const typename kernels::LaneTypes<lanes>::Unaligned (&sum)[pixels], float* y) {
  using V = typename kernels::LaneTypes<lanes>::Unaligned;
  const V low = V{} + d.low, high = V{} + d.high;
  const int64_t channels = d.channels;
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p) {
    const V raised = sum[p] < low ? low : sum[p];
    *reinterpret_cast<V*>(y + p * channels) = raised > high ? high : raised;
  }
}

// `pixels` neighbouring results of the channels [at, at + lanes).
template <int lanes, int pixels>
VITRAIL_INLINE void block(const DepthwiseRow& d, int64_t x, int64_t at, float* y) {
  using V = typename kernels::LaneTypes<lanes>::Unaligned;
  const V bias = *reinterpret_cast<const V*>(d.bias + at);
  V sum[pixels];
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p)
    sum[p] = bias;
  const float* weight = d.weight + at;
  for (int64_t i = 0; i < d.kernel_rows; ++i) {
    const float* from = d.rows[i] + x * d.step + at;
    for (int64_t j = 0; j < d.kernel_columns; ++j) {
      const V w = *reinterpret_cast<const V*>(weight);
#pragma GCC unroll 8
      for (int p = 0; p < pixels; ++p)
        sum[p] += w * *reinterpret_cast<const V*>(from + p * d.step);
      weight += d.channels;
      from += d.tap_step;
    }
  }
  end_pixels<lanes, pixels>(d, sum, y + x * d.channels + at);
}

// The same for kernels of three columns without stride and dilation: each pixel is read once for all three.
template <int lanes, int pixels>
VITRAIL_INLINE void dense_block(const DepthwiseRow& d, int64_t x, int64_t at, float* y) {
  using V = typename kernels::LaneTypes<lanes>::Unaligned;
  const V bias = *reinterpret_cast<const V*>(d.bias + at);
  V sum[pixels];
#pragma GCC unroll 8
  for (int p = 0; p < pixels; ++p)
    sum[p] = bias;
  const float* weight = d.weight + at;
  for (int64_t i = 0; i < d.kernel_rows; ++i) {
    const float* from = d.rows[i] + x * d.channels + at;
    const V w0 = *reinterpret_cast<const V*>(weight), w1 = *reinterpret_cast<const V*>(weight + d.channels),
            w2 = *reinterpret_cast<const V*>(weight + 2 * d.channels);
    V before = *reinterpret_cast<const V*>(from), here = *reinterpret_cast<const V*>(from + d.channels);
    from += 2 * d.channels;
#pragma GCC unroll 8
    for (int p = 0; p < pixels; ++p) {
      const V after = *reinterpret_cast<const V*>(from);
      from += d.channels;
      sum[p] += w0 * before;
      sum[p] += w1 * here;
      sum[p] += w2 * after;
      before = here;
      here = after;
    }
    weight += 3 * d.channels;
  }
  end_pixels<lanes, pixels>(d, sum, y + x * d.channels + at);
}

template <int lanes, int pixels>
VITRAIL_INLINE int64_t channel_blocks(const DepthwiseRow& d, int64_t x, int64_t at, float* y) {
  const bool dense = d.kernel_columns == 3 && d.step == d.channels && d.tap_step == d.channels;
  if (dense)
    for (; at + lanes <= d.channels; at += lanes)
      dense_block<lanes, pixels>(d, x, at, y);
  else
    for (; at + lanes <= d.channels; at += lanes)
      block<lanes, pixels>(d, x, at, y);
  return at;
}

template <int lanes, int pixels>
VITRAIL_INLINE void all_channels(const DepthwiseRow& d, int64_t x, float* y) {
  const int64_t at = channel_blocks<lanes, pixels>(d, x, 0, y);
  channel_blocks<1, pixels>(d, x, lanes > 4 ? channel_blocks<4, pixels>(d, x, at, y) : at, y);
}

template <int lanes>
VITRAIL_INLINE void body(const DepthwiseRow& d, float* y, int64_t width) {
  int64_t x = 0;
  for (; x + 8 <= width; x += 8)
    all_channels<lanes, 8>(d, x, y);
  for (; x < width; ++x)
    all_channels<lanes, 1>(d, x, y);
}

VITRAIL_WIDE_16 void row_16(const DepthwiseRow& d, float* y, int64_t width) {
  body<16>(d, y, width);
}
VITRAIL_WIDE_8 void row_8(const DepthwiseRow& d, float* y, int64_t width) {
  body<8>(d, y, width);
}

}  // namespace

void depthwise(const DepthwiseRow& row, float* y, int64_t width) {
  switch (isa()) {
    case Isa::avx512: return row_16(row, y, width);
    case Isa::avx2: return row_8(row, y, width);
    case Isa::baseline: return body<4>(row, y, width);
  }
}

}  // namespace vitrail::engine_detail::kernel
