#pragma once
// Inner loops of dynamic_deconvolution_spread.cpp over a run of columns of one row, compiled for several
// widths of vector. They know nothing of strips, borders or threads.
//
// Taps are numbered in raster order, t = 3 (ty + 1) + tx + 1. The votes of a row lie in nine rows of
// `vote_stride` floats, one per tap, and zero from `count` up to the next multiple of 16. Several channels at
// once share their reads.

#include <cstdint>

namespace vitrail::kernels::rows {

constexpr int64_t column_block = 1024;  ///< columns per call at most, a multiple of 16
constexpr int64_t vote_margin = 16;     ///< room on both sides of a row of votes
constexpr int64_t vote_stride = column_block + 3 * vote_margin;  ///< no multiple of 4 KiB
constexpr int most_channels = 2;

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
