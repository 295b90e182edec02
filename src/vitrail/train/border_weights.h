#pragma once
// U-Net's weight map (Ronneberger et al. 2015; SPEC 3.1): the thin background between touching cells is worth
// more than the rest, so that cells are kept apart.
//
//   weight(x) = class weight + strength * exp(-(d1(x) + d2(x))^2 / (2 sigma^2))
//
// with d1 and d2 the distances in pixels from x to the nearest and the second nearest cell. Cells are the
// 8-connected components of one class in the label map as training sees it (cropped, bent). The second term
// stands on labelled pixels that belong to no cell; it is 0 where fewer than two cells are near, and cut off
// where it falls below strength * 1.6e-8.

#include <cstdint>
#include <span>
#include <vector>

namespace vitrail::train {

struct BorderOptions {
  double strength = 0;  ///< w0, 10 in the paper; 0 = no border weights
  double sigma = 5;     ///< pixels
  int64_t cell = 1;     ///< the class whose components are kept apart
};

/// The second term for each pixel of one label map. Throws Error(shape) when `labels` is not height x width.
std::vector<float> border_weights(std::span<const uint16_t> labels, int64_t height, int64_t width,
                                  const BorderOptions& options, uint16_t ignore = 255);

}  // namespace vitrail::train
