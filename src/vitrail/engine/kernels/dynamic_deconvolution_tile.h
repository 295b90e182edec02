#pragma once
// Inner loops of dynamic_deconvolution_gather.cpp over a tile of a few channels, compiled for several widths
// of vector. They know nothing of borders or threads.
//
// Taps are numbered in raster order, t = 3 (ty + 1) + tx + 1. What one row of a tile takes from V lies
// together, small enough for the first-level cache: blocks of 16 columns, in a block tap after tap.

#include <cstdint>

namespace vitrail::kernels::tile {

constexpr int64_t block = 16;          ///< columns; those of a tile are a multiple of it
constexpr int64_t most_columns = 512;  ///< of M in a tile
constexpr int64_t most_rows = 8;       ///< of M in a tile
constexpr int most_channels = 4;       ///< at once: they share their reads of the votes

/// Where the vote of tap t for column x (-1 to columns) lies in the row's votes.
constexpr int64_t vote_at(int64_t x, int64_t t) {
  return 9 * (x & -block) + t * block + (x & (block - 1));
}
struct Tile {
  int channels;           ///< 1, 2 or 4
  int64_t rows, columns;  ///< of M, as many as there are
  const float* votes;     ///< of the first row, at column 0
  int64_t vote_stride;    ///< from one row's votes to the next one's
  bool before, after;     ///< whether M and V go on at column -1, at column `columns`
  // From an element of M, and of D, to the one that the next tile has in its place, which is fetched; or 0.
  int64_t ahead, d_ahead;
  const float* m[most_channels][most_rows + 2];  ///< rows, by channel; which, see below
  float* d[most_channels][2 * most_rows];
};

/// One row's votes, from the rows of V that hold them, by tap.
void copy_votes(const float* const (&from)[9], int64_t columns, float* votes);

/// Stride 1: row r of D from the rows r, r + 1, r + 2 of `m` (above, at and below it).
/// D[x] = left[x + 1] + same[x] + right[x - 1], where
///   left = up V6 + middle V3 + down V0,  same: V7, V4, V1,  right: V8, V5, V2.
/// `streaming` writes D around the caches; its rows are then 16-byte aligned.
void gather_1(const Tile& tile, bool streaming);

/// Stride 2: rows 2r and 2r + 1 of D from the rows r (m) and r + 1 (below) of `m`:
///   D[2r][2x] = m V4,                D[2r][2x+1] = m V5 + left[x + 1],               left = m V3
///   D[2r+1][2x] = m V7 + below V1,   D[2r+1][2x+1] = m V8 + below V2 + left[x + 1],  left = m V6 + below V0
void gather_2(const Tile& tile, bool streaming);

}  // namespace vitrail::kernels::tile
