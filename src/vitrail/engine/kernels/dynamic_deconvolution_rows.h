#pragma once
// Inner loops of dynamic_deconvolution_planar.cpp over a run of columns of one row, compiled for several
// widths of vector. They know nothing of strips, borders or threads.
//
// Taps are numbered in raster order, t = 3 (ty + 1) + tx + 1. The votes of a row lie in nine rows of
// `vote_stride` floats, one per tap, each taken from the row of V that the tap comes from (zeros where there
// is none) and zero from `count` up to the next multiple of 16. Several channels at once share their reads.

#include <cstdint>

namespace vitrail::kernels::rows {

constexpr int64_t column_block = 1024;  ///< columns per call at most, a multiple of 16
constexpr int64_t vote_margin = 16;     ///< room on both sides of a row of votes
constexpr int64_t vote_stride = column_block + 3 * vote_margin;  ///< no multiple of 4 KiB
constexpr int most_channels = 4;

/// Stride 1: a row of D. D[x] = same[x] + left[x + 1] + right[x - 1], where
///   left = up V6 + middle V3 + down V0,  same: V7, V4, V1,  right: V8, V5, V2.
struct Gather1 {
  const float* m[most_channels][3];  ///< the rows of M above, at and below the row of D
  float* d[most_channels];
  int64_t ahead;                ///< from the row of M below to the one after it, which is fetched; or 0
  float before[most_channels];  ///< right[-1] and
  float after[most_channels];   ///< left[count]: products of the columns beside this run
};
/// `channels` is 1, 2 or 4. `streaming` writes D around the caches; its rows are then 16-byte aligned.
void gather_1(int channels, const Gather1& rows, const float* votes, int64_t count, bool streaming);

/// Stride 2: rows 2i and 2i + 1 of D (a nullptr where D ends) from the rows i (m) and i + 1 (below) of M:
///   D[2i][2x] = m V4,                D[2i][2x+1] = m V5 + left[x + 1],               left = m V3
///   D[2i+1][2x] = m V7 + below V1,   D[2i+1][2x+1] = m V8 + below V2 + left[x + 1],  left = m V6 + below V0
struct Gather2 {
  const float* m[most_channels][2];
  float* d[most_channels][2];
  float after[most_channels][2];  ///< left[count] of each row
  int64_t out_count;              ///< 2 count, or one less
};
/// `channels` is 1 or 2.
void gather_2(int channels, const Gather2& rows, const float* votes, int64_t count, bool streaming);

/// The gradients of a row of M and of its own votes (all of one row of V):
///   dm[x] = sum over t of V_t[x] g_t[x],  dv_t[x] += sum over channels of m[x] g_t[x]
struct Spread {
  const float* m[most_channels];
  float* dm[most_channels];
  const float* gradient[most_channels][9];  ///< by tap: D's gradient at (s i + ty, s x + tx)
};
/// `channels` is 1 or 2; `dv` lies as the votes do.
void spread(int channels, const Spread& rows, const float* votes, float* dv, int64_t count);

}  // namespace vitrail::kernels::rows
