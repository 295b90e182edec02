#pragma once
// Fully connected conditional random field: sharpens class probabilities along the picture's edges, for any
// network (Kraehenbuehl and Koltun 2011; the post-processing of DeepLab v1 and v2; SPEC 6.3, 15.13).
//
//   Tensor p = predictor.probabilities(photo);                 // [classes, H, W]
//   LabelMap labels = labels_of(dense_crf(photo, p));
//
// Energy: -log p per pixel, plus, for every pair of pixels with different classes,
//   bilateral_weight * exp(-|dp|^2 / 2 bilateral_xy^2 - |dI|^2 / 2 bilateral_rgb^2)
//   + position_weight * exp(-|dp|^2 / 2 position_xy^2)
// with p in pixels and I in RGB 0..255; ten steps of mean field with symmetrically normalised kernels.

#include <string>
#include <string_view>
#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/image/image.h"

namespace vitrail {

struct CrfOptions {
  double bilateral_weight = 4;
  double bilateral_xy = 67;  ///< pixels
  double bilateral_rgb = 3;  ///< of 0..255
  double position_weight = 3;
  double position_xy = 1;  ///< pixels
  int iterations = 10;
};

/// "resnet101" (DeepLab v2: 4, 67, 3; 3, 1), the default, and "vgg16" (DeepLab-LargeFOV: 4, 49, 5; 3, 3).
/// Throws Error(usage) for another name.
CrfOptions crf_options(std::string_view name);

/// Probabilities [classes, H, W] after the field. `probabilities` has the image's size, so it must have been
/// upsampled before. Throws Error(shape) or Error(usage) for what does not fit.
Tensor dense_crf(const Image& image, const Tensor& probabilities, const CrfOptions& options = {});

/// The largest of [classes, H, W] per pixel; the first one wins a tie.
LabelMap labels_of(const Tensor& planes);

}  // namespace vitrail
