#pragma once
// Pictures and label maps at another size. Pixel centres correspond: output x samples input
// (x + 0.5) * W / w - 0.5 (half-pixel, ONNX Resize's default), for pictures and labels alike, so that they
// stay aligned.
//
//   Image small = resize_image(photo, 256, 512);
//   LabelMap same = resize_labels(labels, 256, 512);

#include "vitrail/image/image.h"

namespace vitrail {

enum class Interpolation {
  smooth,   ///< bilinear where the picture grows, the mean of the covered area where it shrinks: no aliasing
  linear,   ///< bilinear always, as training pipelines do; aliases when it shrinks by more than two
  nearest,  ///< the value of the nearest pixel
};

/// `image` at height x width (>= 1 each). Throws Error(shape) for a size below 1 or an empty image,
/// Error(limit) above max_image_pixels.
Image resize_image(const Image& image, int64_t height, int64_t width,
                   Interpolation interpolation = Interpolation::smooth);

/// `labels` at height x width, nearest: output x takes input floor((x + 0.5) * W / w).
LabelMap resize_labels(const LabelMap& labels, int64_t height, int64_t width);

}  // namespace vitrail
