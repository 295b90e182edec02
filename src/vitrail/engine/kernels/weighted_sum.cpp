#include "vitrail/engine/kernels/weighted_sum.h"

#include "vitrail/engine/kernels/isa.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::engine_detail::kernel {
namespace {

// `vectors` vectors of each row at a time stay in registers.
template <int lanes, int vectors>
VITRAIL_INLINE int64_t blocks(const float* const* rows, const float* weights, int64_t count, float* y,
                              int64_t at, int64_t length) {
  using V = typename kernels::LaneTypes<lanes>::Unaligned;
  for (; at + lanes * vectors <= length; at += lanes * vectors) {
    V sum[vectors] = {};
    for (int64_t i = 0; i < count; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v)
        sum[v] += weights[i] * *reinterpret_cast<const V*>(rows[i] + at + v * lanes);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      *reinterpret_cast<V*>(y + at + v * lanes) = sum[v];
  }
  return at;
}

template <int lanes>
VITRAIL_INLINE void body(const float* const* rows, const float* weights, int64_t count, float* y,
                         int64_t length) {
  int64_t at = blocks<lanes, 8>(rows, weights, count, y, 0, length);
  at = blocks<lanes, 1>(rows, weights, count, y, at, length);
  for (; at < length; ++at) {
    float sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += weights[i] * rows[i][at];
    y[at] = sum;
  }
}

VITRAIL_WIDE_16 void sum_16(const float* const* rows, const float* weights, int64_t count, float* y,
                            int64_t length) {
  body<16>(rows, weights, count, y, length);
}
VITRAIL_WIDE_8 void sum_8(const float* const* rows, const float* weights, int64_t count, float* y,
                          int64_t length) {
  body<8>(rows, weights, count, y, length);
}

}  // namespace

void weighted_sum(const float* const* rows, const float* weights, int64_t count, float* y, int64_t length) {
  switch (isa()) {
    case Isa::avx512: return sum_16(rows, weights, count, y, length);
    case Isa::avx2: return sum_8(rows, weights, count, y, length);
    case Isa::baseline: return body<4>(rows, weights, count, y, length);
  }
}

}  // namespace vitrail::engine_detail::kernel
