#include "vitrail/engine/kernels/dynamic_deconvolution_rows.h"

#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::kernels::rows {
namespace {

template <int lanes, int channels, bool whole>
VITRAIL_INLINE void spread_block(const Spread& rows, const float* votes, float* dv, int64_t x,
                                 int64_t count) {
  Floats<lanes> m[channels], dm[channels];
  for (int c = 0; c < channels; ++c) {
    m[c] = load_upto<lanes, whole>(rows.m[c] + x, count);
    dm[c] = Floats<lanes>{};
  }
  for (int t = 0; t < 9; ++t) {
    const Floats<lanes> v = load<lanes>(votes + t * vote_stride + x);
    Floats<lanes> sum = load<lanes>(dv + t * vote_stride + x);
    for (int c = 0; c < channels; ++c) {
      const auto g = load_upto<lanes, whole>(rows.gradient[c][t] + x, count);
      dm[c] += v * g;
      sum += m[c] * g;
    }
    store<lanes>(dv + t * vote_stride + x, sum);
  }
  for (int c = 0; c < channels; ++c)
    if constexpr (whole)
      store<lanes>(rows.dm[c] + x, dm[c]);
    else
      store_part<lanes>(rows.dm[c] + x, dm[c], count);
}

template <int lanes, int channels>
VITRAIL_INLINE void spread_of(const Spread& rows, const float* votes, float* dv, int64_t count) {
  int64_t x = 0;
  for (; x + lanes <= count; x += lanes)
    spread_block<lanes, channels, true>(rows, votes, dv, x, lanes);
  if (x < count) spread_block<lanes, channels, false>(rows, votes, dv, x, count - x);
}

template <int lanes>
VITRAIL_INLINE void spread_any(int channels, const Spread& rows, const float* votes, float* dv,
                               int64_t count) {
  channels == 2 ? spread_of<lanes, 2>(rows, votes, dv, count) : spread_of<lanes, 1>(rows, votes, dv, count);
}

VITRAIL_WIDE_16 void spread_16(int channels, const Spread& rows, const float* votes, float* dv,
                               int64_t count) {
  spread_any<16>(channels, rows, votes, dv, count);
}
VITRAIL_WIDE_8 void spread_8(int channels, const Spread& rows, const float* votes, float* dv, int64_t count) {
  spread_any<8>(channels, rows, votes, dv, count);
}
void spread_4(int channels, const Spread& rows, const float* votes, float* dv, int64_t count) {
  spread_any<4>(channels, rows, votes, dv, count);
}

}  // namespace

void spread(int channels, const Spread& rows, const float* votes, float* dv, int64_t count) {
  best_of(spread_16, spread_8, spread_4)(channels, rows, votes, dv, count);
}

}  // namespace vitrail::kernels::rows
