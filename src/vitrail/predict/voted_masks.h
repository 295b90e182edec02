#pragma once
// Where the Pixel Voting Decoder's masks for instances begin and end (nets/instance/pvd_rcnn.h): seeds on the
// coarsest map from the scores in an object's crop, and the place of the finest map in the picture.
//
// Cell i of a map of stride s stands for pixel s * i of the network's input (its centre, s * i + 0.5): the
// middle of what it votes for.

#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"

namespace vitrail {

/// One cell of a seed map, made of four of the crop's: sum of weight * scores[y + j / 2][x + j % 2], clamped
/// to the crop.
struct SeedCell {
  int64_t cell = 0;            ///< y * width + x of the seed map
  int64_t row[2], column[2];   ///< of the crop
  float down = 0, across = 0;  ///< shares of the second row and column
};

/// The cells whose centres lie in `box` (pixels of the network's input), and where in a crop of side x side
/// that is spread over the box. A box between the cells has the one nearest to its centre.
std::vector<SeedCell> seed_cells(const Box& box, int64_t side, Extent map, int64_t stride);

/// Seeds [1, channels, map height, map width]: each object's scores [objects, side, side] where its box lies,
/// 0 elsewhere and in channels without an object.
Tensor placed_seeds(const Tensor& scores, const std::vector<Box>& boxes, Extent map, int64_t stride,
                    int64_t channels);

/// The region that a map of this size covers, in pixels of the network's input.
Box voted_region(Extent map, int64_t stride);

}  // namespace vitrail
