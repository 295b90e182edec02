#pragma once
// The transforms of Winograd's convolution F(4x4, 3x3) (Lavin and Gray 2015, points 0, 1, -1, 2, -2): a tile
// of 4x4 results is A' [(G g G') . (B' d B)] A with 36 products instead of 144, d being 6x6 pixels of the
// input.
//
// For all tiles and channels at once the 36 products by element become 36 products of matrices:
// [tiles, input channels] * [input channels, output channels].

#include <cstdint>

#include "vitrail/engine/kernels/gemm.h"

namespace vitrail::engine_detail::kernel {

constexpr int64_t winograd_tile = 4;       ///< results of a tile, each way
constexpr int64_t winograd_patch = 6;      ///< pixels that they depend on
constexpr int64_t winograd_products = 36;  ///< elements of a transformed tile

/// G g G' of one 3x3 kernel (row-major), in double: 36 values.
void winograd_weight(const float* kernel, float* transformed);

/// B' d B for `channels` channels (a multiple of 16, here and below): `pixels` are 36 pointers to
/// channels-last pixels, row by row; element i of the result goes to transformed + i * step.
void winograd_input(const float* const* pixels, int64_t channels, float* transformed, int64_t step);

/// A' m A: element i of the tile is read at products + i * step; `pixels` are 16 pointers to the results,
/// nullptr where the image has ended.
void winograd_output(const float* products, int64_t step, int64_t channels, float* const* pixels,
                     const MatrixEnd& end);

}  // namespace vitrail::engine_detail::kernel
