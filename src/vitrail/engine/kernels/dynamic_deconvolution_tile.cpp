#include "vitrail/engine/kernels/dynamic_deconvolution_tile.h"

#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::kernels::tile {
namespace {

template <int lanes, bool streaming>
VITRAIL_INLINE void put(float* y, const Floats<lanes>& value) {
  if constexpr (streaming)
    stream<lanes>(y, value);
  else
    store<lanes>(y, value);
}

// The votes of all taps from column x on.
template <int lanes>
VITRAIL_INLINE void load_votes(const float* votes, int64_t x, Floats<lanes>* v) {
  for (int t = 0; t < 9; ++t)
    v[t] = load<lanes>(votes + vote_at(x, t));
}

// Of one column, in every lane: the product of n rows of M with their votes of tap t[i].
template <int lanes, int n>
VITRAIL_INLINE Floats<lanes> column(const float* const* m, const float* votes, int64_t x, const int (&t)[n]) {
  float sum = 0;
  for (int i = 0; i < n; ++i)
    sum += m[i][x] * votes[vote_at(x, t[i])];
  return Floats<lanes>{} + sum;
}

// A store waits for the address of its page: one line brings it.
VITRAIL_INLINE void fetch_page(const Tile& tile, const float* d) {
  if (tile.ahead != 0) __builtin_prefetch(d + tile.d_ahead, 0, 2);
}

// What a vector of columns leaves for the one after it: D is complete only with the next `left`.
template <int lanes>
struct Carry {
  Floats<lanes> left, right, waiting;
};

template <int lanes, bool streaming>
VITRAIL_INLINE void put_waiting(float* d, const Carry<lanes>& carry, const Floats<lanes>& left) {
  put<lanes, streaming>(d, carry.waiting + window<1, lanes>(carry.left, left));
}

template <int lanes, bool first, bool streaming>
VITRAIL_INLINE void step_1(const float* const* m, float* d, int64_t x, int64_t ahead, const Floats<lanes>* v,
                           Carry<lanes>& carry) {
  auto up = load<lanes>(m[0] + x), middle = load<lanes>(m[1] + x), down = load<lanes>(m[2] + x);
  keep<lanes>(up), keep<lanes>(middle), keep<lanes>(down);
  if (ahead != 0) __builtin_prefetch(m[2] + ahead + x, 0, 2);
  const Floats<lanes> left = up * v[6] + middle * v[3] + down * v[0],
                      same = up * v[7] + middle * v[4] + down * v[1],
                      right = up * v[8] + middle * v[5] + down * v[2];
  if constexpr (!first) put_waiting<lanes, streaming>(d + x - lanes, carry, left);
  carry.waiting = same + window<lanes - 1, lanes>(carry.right, right);
  carry.left = left;
  carry.right = right;
}

template <int lanes, int channels, bool streaming>
VITRAIL_INLINE void row_1(const Tile& tile, int64_t r, const float* votes) {
  const float* m[channels][3];
  float* d[channels];
  Carry<lanes> carry[channels];
  Floats<lanes> v[9];
  load_votes<lanes>(votes, 0, v);
#pragma GCC unroll 4
  for (int c = 0; c < channels; ++c) {
    for (int i = 0; i < 3; ++i)
      m[c][i] = tile.m[c][r + i];
    d[c] = tile.d[c][r];
    fetch_page(tile, d[c]);
    carry[c].right = tile.before ? column<lanes, 3>(m[c], votes, -1, {8, 5, 2}) : Floats<lanes>{};
    step_1<lanes, true, streaming>(m[c], d[c], 0, tile.ahead, v, carry[c]);
  }
  for (int64_t x = lanes; x < tile.columns; x += lanes) {
    load_votes<lanes>(votes, x, v);
#pragma GCC unroll 4
    for (int c = 0; c < channels; ++c)
      step_1<lanes, false, streaming>(m[c], d[c], x, tile.ahead, v, carry[c]);
  }
#pragma GCC unroll 4
  for (int c = 0; c < channels; ++c)
    put_waiting<lanes, streaming>(
        d[c] + tile.columns - lanes, carry[c],
        tile.after ? column<lanes, 3>(m[c], votes, tile.columns, {6, 3, 0}) : Floats<lanes>{});
}

// D's columns 2x to 2x + 2 lanes of one row.
template <int lanes, bool streaming>
VITRAIL_INLINE void put_pairs(float* d, const Floats<lanes>& even, const Floats<lanes>& odd) {
  put<lanes, streaming>(d, interleave<0, lanes>(even, odd));
  put<lanes, streaming>(d + lanes, interleave<1, lanes>(even, odd));
}

// From the last column to the first, so that the next `left` is known.
template <int lanes, int channels, bool streaming>
VITRAIL_INLINE void row_2(const Tile& tile, int64_t r, const float* votes) {
  Floats<lanes> next[channels][2] = {};
  for (int c = 0; c < channels; ++c)
    fetch_page(tile, tile.d[c][2 * r]), fetch_page(tile, tile.d[c][2 * r + 1]);
  if (tile.after)
    for (int c = 0; c < channels; ++c) {
      next[c][0] = column<lanes, 1>(&tile.m[c][r], votes, tile.columns, {3});
      next[c][1] = column<lanes, 2>(&tile.m[c][r], votes, tile.columns, {6, 0});
    }
  for (int64_t x = tile.columns - lanes; x >= 0; x -= lanes) {
    Floats<lanes> v[9];
    load_votes<lanes>(votes, x, v);
#pragma GCC unroll 4
    for (int c = 0; c < channels; ++c) {
      auto m = load<lanes>(tile.m[c][r] + x), below = load<lanes>(tile.m[c][r + 1] + x);
      keep<lanes>(m), keep<lanes>(below);
      if (tile.ahead != 0) __builtin_prefetch(tile.m[c][r + 1] + tile.ahead + x, 0, 2);
      const Floats<lanes> left[2] = {m * v[3], m * v[6] + below * v[0]};
      put_pairs<lanes, streaming>(tile.d[c][2 * r] + 2 * x, m * v[4],
                                  m * v[5] + window<1, lanes>(left[0], next[c][0]));
      put_pairs<lanes, streaming>(tile.d[c][2 * r + 1] + 2 * x, m * v[7] + below * v[1],
                                  m * v[8] + below * v[2] + window<1, lanes>(left[1], next[c][1]));
      next[c][0] = left[0];
      next[c][1] = left[1];
    }
  }
}

template <int lanes, int stride, int channels, bool streaming>
VITRAIL_INLINE void rows_of(const Tile& tile) {
  for (int64_t r = 0; r < tile.rows; ++r)
    if constexpr (stride == 1)
      row_1<lanes, channels, streaming>(tile, r, tile.votes + r * tile.vote_stride);
    else
      row_2<lanes, channels, streaming>(tile, r, tile.votes + r * tile.vote_stride);
}
template <int lanes, int stride, bool streaming>
VITRAIL_INLINE void channels_of(const Tile& tile) {
  if (tile.channels == 4)
    rows_of<lanes, stride, 4, streaming>(tile);
  else if (tile.channels == 2)
    rows_of<lanes, stride, 2, streaming>(tile);
  else
    rows_of<lanes, stride, 1, streaming>(tile);
}
template <int lanes, int stride>
VITRAIL_INLINE void gather_of(const Tile& tile, bool streaming) {
  streaming ? channels_of<lanes, stride, true>(tile) : channels_of<lanes, stride, false>(tile);
}
template <int lanes>
VITRAIL_INLINE void copy_votes_of(const float* const (&from)[9], int64_t count, float* votes) {
  for (int64_t x = 0; x < count; x += lanes)
    for (int t = 0; t < 9; ++t)
      store<lanes>(votes + vote_at(x, t), load<lanes>(from[t] + x));
}

VITRAIL_WIDE_16 void gather_1_16(const Tile& tile, bool streaming) {
  gather_of<16, 1>(tile, streaming);
}
VITRAIL_WIDE_8 void gather_1_8(const Tile& tile, bool streaming) {
  gather_of<8, 1>(tile, streaming);
}
void gather_1_4(const Tile& tile, bool streaming) {
  gather_of<4, 1>(tile, streaming);
}
VITRAIL_WIDE_16 void gather_2_16(const Tile& tile, bool streaming) {
  gather_of<16, 2>(tile, streaming);
}
VITRAIL_WIDE_8 void gather_2_8(const Tile& tile, bool streaming) {
  gather_of<8, 2>(tile, streaming);
}
void gather_2_4(const Tile& tile, bool streaming) {
  gather_of<4, 2>(tile, streaming);
}
VITRAIL_WIDE_16 void copy_votes_16(const float* const (&from)[9], int64_t count, float* votes) {
  copy_votes_of<16>(from, count, votes);
}
VITRAIL_WIDE_8 void copy_votes_8(const float* const (&from)[9], int64_t count, float* votes) {
  copy_votes_of<8>(from, count, votes);
}
void copy_votes_4(const float* const (&from)[9], int64_t count, float* votes) {
  copy_votes_of<4>(from, count, votes);
}

}  // namespace

void copy_votes(const float* const (&from)[9], int64_t count, float* votes) {
  best_of(copy_votes_16, copy_votes_8, copy_votes_4)(from, count, votes);
}
void gather_1(const Tile& tile, bool streaming) {
  best_of(gather_1_16, gather_1_8, gather_1_4)(tile, streaming);
}
void gather_2(const Tile& tile, bool streaming) {
  best_of(gather_2_16, gather_2_8, gather_2_4)(tile, streaming);
}

}  // namespace vitrail::kernels::tile
