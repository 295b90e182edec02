#include "vitrail/engine/kernels/dynamic_deconvolution_rows.h"

#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::kernels::rows {
namespace {

template <int lanes>
VITRAIL_INLINE Floats<lanes> only_lane(int lane, float value) {
  float all[lanes] = {};
  all[lane] = value;
  return load<lanes>(all);
}

template <int lanes>
VITRAIL_INLINE void load_votes(const float* votes, Floats<lanes>* v) {
  for (int t = 0; t < 9; ++t)
    v[t] = load<lanes>(votes + t * vote_stride);
}

// Results of one block of columns, or of what is left of it at the end of a row.
template <int lanes, bool streaming>
VITRAIL_INLINE void put(float* y, const Floats<lanes>& value, int64_t room) {
  if (room < lanes)
    store_part<lanes>(y, value, room);
  else if constexpr (streaming)
    stream<lanes>(y, value);
  else
    store<lanes>(y, value);
}

// What a block of columns leaves for the one after it, per channel: D is complete only with the next `left`.
template <int lanes>
struct Carry1 {
  Floats<lanes> left, right, waiting;
};

template <int lanes, int channels, bool whole, bool streaming>
VITRAIL_INLINE void block_1(const Gather1& rows, const float* votes, int64_t x, int64_t count,
                            Carry1<lanes>* carry) {
  Floats<lanes> v[9];
  load_votes<lanes>(votes + x, v);
  for (int c = 0; c < channels; ++c) {
    const auto up = load_upto<lanes, whole>(rows.m[c][0] + x, count),
               middle = load_upto<lanes, whole>(rows.m[c][1] + x, count),
               down = load_upto<lanes, whole>(rows.m[c][2] + x, count);
    const Floats<lanes> left = up * v[6] + middle * v[3] + down * v[0],
                        same = up * v[7] + middle * v[4] + down * v[1],
                        right = up * v[8] + middle * v[5] + down * v[2];
    __builtin_prefetch(rows.m[c][2] + rows.ahead + x, 0, 2);
    if (x > 0)
      put<lanes, streaming>(rows.d[c] + x - lanes, carry[c].waiting + window<1, lanes>(carry[c].left, left),
                            lanes);
    carry[c].waiting = same + window<lanes - 1, lanes>(carry[c].right, right);
    carry[c].left = left;
    carry[c].right = right;
  }
}

template <int lanes, int channels, bool streaming>
VITRAIL_INLINE void gather_1_of(const Gather1& rows, const float* votes, int64_t count) {
  Carry1<lanes> carry[channels] = {};
  for (int c = 0; c < channels; ++c)
    carry[c].right = only_lane<lanes>(lanes - 1, rows.before[c]);
  int64_t x = 0;
  for (; x + lanes <= count; x += lanes)
    block_1<lanes, channels, true, streaming>(rows, votes, x, lanes, carry);
  if (x < count)
    block_1<lanes, channels, false, streaming>(rows, votes, x, count - x, carry);
  else
    x -= lanes;
  for (int c = 0; c < channels; ++c) {
    const Floats<lanes> after = only_lane<lanes>(0, rows.after[c]);
    put<lanes, streaming>(rows.d[c] + x, carry[c].waiting + window<1, lanes>(carry[c].left, after),
                          count - x);
  }
}

template <int lanes>
struct Carry2 {
  Floats<lanes> same[2], odd[2], left[2];  // of the upper and the lower row of D
};

// D's columns 2x .. 2x + 2 lanes of one row, of which `room` exist.
template <int lanes, bool streaming>
VITRAIL_INLINE void put_pairs(float* d, const Floats<lanes>& even, const Floats<lanes>& odd, int64_t room) {
  put<lanes, streaming>(d, interleave<0, lanes>(even, odd), room);
  if (room > lanes) put<lanes, streaming>(d + lanes, interleave<1, lanes>(even, odd), room - lanes);
}

template <int lanes, int channels, bool whole, bool streaming>
VITRAIL_INLINE void block_2(const Gather2& rows, const float* votes, int64_t x, int64_t count,
                            Carry2<lanes>* carry) {
  Floats<lanes> v[9];
  load_votes<lanes>(votes + x, v);
  for (int c = 0; c < channels; ++c) {
    const auto m = load_upto<lanes, whole>(rows.m[c][0] + x, count),
               below = load_upto<lanes, whole>(rows.m[c][1] + x, count);
    const Floats<lanes> left[2] = {m * v[3], m * v[6] + below * v[0]};
    for (int row = 0; row < 2; ++row) {
      if (x > 0 && rows.d[c][row] != nullptr)
        put_pairs<lanes, streaming>(rows.d[c][row] + 2 * (x - lanes), carry[c].same[row],
                                    carry[c].odd[row] + window<1, lanes>(carry[c].left[row], left[row]),
                                    2 * lanes);
      carry[c].left[row] = left[row];
    }
    carry[c].same[0] = m * v[4];
    carry[c].odd[0] = m * v[5];
    carry[c].same[1] = m * v[7] + below * v[1];
    carry[c].odd[1] = m * v[8] + below * v[2];
  }
}

template <int lanes, int channels, bool streaming>
VITRAIL_INLINE void gather_2_of(const Gather2& rows, const float* votes, int64_t count) {
  Carry2<lanes> carry[channels] = {};
  int64_t x = 0;
  for (; x + lanes <= count; x += lanes)
    block_2<lanes, channels, true, streaming>(rows, votes, x, lanes, carry);
  if (x < count)
    block_2<lanes, channels, false, streaming>(rows, votes, x, count - x, carry);
  else
    x -= lanes;
  for (int c = 0; c < channels; ++c)
    for (int row = 0; row < 2; ++row) {
      if (rows.d[c][row] == nullptr) continue;
      const Floats<lanes> after = only_lane<lanes>(0, rows.after[c][row]);
      put_pairs<lanes, streaming>(rows.d[c][row] + 2 * x, carry[c].same[row],
                                  carry[c].odd[row] + window<1, lanes>(carry[c].left[row], after),
                                  rows.out_count - 2 * x);
    }
}

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
    put<lanes, false>(rows.dm[c] + x, dm[c], count);
}

template <int lanes, int channels>
VITRAIL_INLINE void spread_of(const Spread& rows, const float* votes, float* dv, int64_t count) {
  int64_t x = 0;
  for (; x + lanes <= count; x += lanes)
    spread_block<lanes, channels, true>(rows, votes, dv, x, lanes);
  if (x < count) spread_block<lanes, channels, false>(rows, votes, dv, x, count - x);
}

template <int lanes>
VITRAIL_INLINE void gather_1_any(int channels, const Gather1& rows, const float* votes, int64_t count,
                                 bool streaming) {
  if (channels == 4)
    streaming ? gather_1_of<lanes, 4, true>(rows, votes, count)
              : gather_1_of<lanes, 4, false>(rows, votes, count);
  else if (channels == 2)
    streaming ? gather_1_of<lanes, 2, true>(rows, votes, count)
              : gather_1_of<lanes, 2, false>(rows, votes, count);
  else
    streaming ? gather_1_of<lanes, 1, true>(rows, votes, count)
              : gather_1_of<lanes, 1, false>(rows, votes, count);
}
template <int lanes>
VITRAIL_INLINE void gather_2_any(int channels, const Gather2& rows, const float* votes, int64_t count,
                                 bool streaming) {
  if (channels == 2)
    streaming ? gather_2_of<lanes, 2, true>(rows, votes, count)
              : gather_2_of<lanes, 2, false>(rows, votes, count);
  else
    streaming ? gather_2_of<lanes, 1, true>(rows, votes, count)
              : gather_2_of<lanes, 1, false>(rows, votes, count);
}
template <int lanes>
VITRAIL_INLINE void spread_any(int channels, const Spread& rows, const float* votes, float* dv,
                               int64_t count) {
  channels == 2 ? spread_of<lanes, 2>(rows, votes, dv, count) : spread_of<lanes, 1>(rows, votes, dv, count);
}

VITRAIL_WIDE_16 void gather_1_16(int channels, const Gather1& rows, const float* votes, int64_t count,
                                 bool streaming) {
  gather_1_any<16>(channels, rows, votes, count, streaming);
}
VITRAIL_WIDE_8 void gather_1_8(int channels, const Gather1& rows, const float* votes, int64_t count,
                               bool streaming) {
  gather_1_any<8>(channels, rows, votes, count, streaming);
}
void gather_1_4(int channels, const Gather1& rows, const float* votes, int64_t count, bool streaming) {
  gather_1_any<4>(channels, rows, votes, count, streaming);
}
VITRAIL_WIDE_16 void gather_2_16(int channels, const Gather2& rows, const float* votes, int64_t count,
                                 bool streaming) {
  gather_2_any<16>(channels, rows, votes, count, streaming);
}
VITRAIL_WIDE_8 void gather_2_8(int channels, const Gather2& rows, const float* votes, int64_t count,
                               bool streaming) {
  gather_2_any<8>(channels, rows, votes, count, streaming);
}
void gather_2_4(int channels, const Gather2& rows, const float* votes, int64_t count, bool streaming) {
  gather_2_any<4>(channels, rows, votes, count, streaming);
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

void gather_1(int channels, const Gather1& rows, const float* votes, int64_t count, bool streaming) {
  best_of(gather_1_16, gather_1_8, gather_1_4)(channels, rows, votes, count, streaming);
}
void gather_2(int channels, const Gather2& rows, const float* votes, int64_t count, bool streaming) {
  best_of(gather_2_16, gather_2_8, gather_2_4)(channels, rows, votes, count, streaming);
}
void spread(int channels, const Spread& rows, const float* votes, float* dv, int64_t count) {
  best_of(spread_16, spread_8, spread_4)(channels, rows, votes, dv, count);
}

}  // namespace vitrail::kernels::rows
