#pragma once
// Elastic deformation of a training sample (Ronneberger et al. 2015; SPEC 3.1): tissue bends, and its label
// bends with it.
//
//   Sample bent = elastic(sample, {.sigma = 10, .grid = 3}, random);
//
// A displacement, normal with deviation `sigma` in each direction, is drawn at each point of a grid x grid
// lattice laid over the image (its corners are the image's), and interpolated between them by Catmull-Rom
// splines. Each pixel then shows what lies at its displaced position: images bilinearly, labels by nearest
// neighbour, and beyond the border the mirrored image. No pixel is left without image or label.

#include <cstdint>

#include "vitrail/base/random.h"
#include "vitrail/data/dataset.h"

namespace vitrail {

struct ElasticOptions {
  double sigma = 10;  ///< pixels; 0 leaves the sample as it is
  int64_t grid = 3;   ///< lattice points along each side, 2 or more
};

/// Image and labels (further ones, too) have one size. Draws 2 * grid * grid numbers, whatever the image's
/// size.
Sample elastic(const Sample& sample, const ElasticOptions& options, Random& random);

}  // namespace vitrail
