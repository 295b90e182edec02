#pragma once
// Training-time augmentation: geometry on image and labels together, colour on the image alone.
//
// Every draw comes from the generator that is passed in, so that a sample's augmentation depends on (seed,
// epoch, index) and never on the number of loader threads. Order: scale, rotate, crop (pads where needed),
// flip, colour, blur.

#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/data/dataset.h"

namespace vitrail {

struct AugmentOptions {
  double scale_min = 1;  ///< image is resized by a factor in [scale_min, scale_max], uniform ...
  double scale_max = 1;
  std::vector<double> scales;  ///< ... or one of these, when not empty
  double rotate_degrees = 0;   ///< uniform in [-d, d]; uncovered pixels are `fill` / ignored
  int64_t crop_height = 0;     ///< pixels; 0 = no crop
  int64_t crop_width = 0;
  double crop_max_class_share =
      1;  ///< redraw (10 times at most) a crop in which one class exceeds this share of the labelled pixels
  double flip = 0;        ///< probability of a horizontal flip
  double brightness = 0;  ///< factor uniform in [1-b, 1+b]; the same for contrast and saturation
  double contrast = 0;
  double saturation = 0;
  double hue_degrees = 0;     ///< shift uniform in [-h, h]
  double blur = 0;            ///< probability of a Gaussian blur ...
  double blur_sigma_max = 1;  ///< ... of sigma uniform in (0, max], pixels
  std::vector<double> fill;   ///< R, G, B of padded pixels; empty = the network's mean
};

/// Images are resized bilinearly (with area averaging when shrinking), labels by nearest neighbour.
Sample augment(const Sample& sample, const AugmentOptions& options, Random& random);

}  // namespace vitrail
