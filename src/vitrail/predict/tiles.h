#pragma once
// Cutting a picture into overlapping tiles, and putting the tiles' results together without seams.
//
//   std::vector<TileSpan> rows = tile_spans(4000, 512, 64, 32), columns = tile_spans(6000, 512, 64, 32);
//   for (const TileSpan& row : rows) for (const TileSpan& column : columns)
//     ...  // each of its pixels counts rows.weights[y] * columns.weights[x]; over all tiles that sums to one

#include <cstdint>
#include <vector>

namespace vitrail {

/// A tile's extent along one axis.
struct TileSpan {
  int64_t start = 0;           ///< first pixel, a multiple of `multiple`
  int64_t length = 0;          ///< pixels; `tile`, or less where the picture ends
  std::vector<float> weights;  ///< `length` values; over the tiles that cover a pixel they sum to 1
};

/// Tiles of side `tile` that cover [0, length), neighbours sharing at least `overlap` pixels.
///
/// In an overlap the outer quarter of a tile counts nothing (its context is cut off there), the middle half
/// fades as sin^2, and the inner quarter counts whole. So a network that sees no further than overlap/4
/// pixels gives exactly what it gives on the whole picture.
///
/// `tile` must be a multiple of `multiple` and at least 2*overlap + multiple; throws Error(usage) otherwise.
std::vector<TileSpan> tile_spans(int64_t length, int64_t tile, int64_t overlap, int64_t multiple);

}  // namespace vitrail
