#pragma once
// Training-time augmentation: geometry on image and labels together, colour on the image alone.
//
// Every draw comes from the generator that is passed in, so that a sample's augmentation depends on (seed,
// epoch, index) and never on the number of loader threads. Order: elastic deformation, scale, rotate, crop
// (padding at bottom and right what the image does not reach), flip, colour, blur. Padded pixels stay exactly
// `fill`.
//
// Of a picture of more than three channels (image/channels.h) geometry moves all, and colour and blur change
// the first three alone: what a depth or an infrared value is does not depend on the light.
//
//   AugmentOptions options{.scale_min = 0.5, .scale_max = 2, .crop_height = 360, .crop_width = 480, .flip =
//   0.5}; check(options); Sample seen = augment(dataset->load(i), options, random);

#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/data/dataset.h"
#include "vitrail/data/resample.h"

namespace vitrail {

struct AugmentOptions {
  double scale_min = 1;  ///< image is resized by a factor in [scale_min, scale_max], uniform ...
  double scale_max = 1;
  std::vector<double> scales;  ///< ... or one of these, when not empty
  int64_t short_side_min =
      0;  ///< ... or so that the shorter side has a whole number of pixels in [min, max],
  int64_t short_side_max = 0;  ///< uniform, when max is not 0
  double rotate_degrees = 0;  ///< about the centre, uniform in [-d, d]; uncovered pixels are `fill` / ignored
  int64_t crop_height = 0;    ///< pixels; 0 = no crop
  int64_t crop_width = 0;
  /// A crop in which one class exceeds this share of the labelled pixels (or none is labelled) is drawn
  /// again, 10 times at most; then the last one is kept. 1 = no limit.
  double crop_max_class_share = 1;
  double elastic_sigma = 0;  ///< pixels of the image before scaling; 0 = no elastic deformation (elastic.h)
  int64_t elastic_grid = 3;
  double flip = 0;        ///< probability of a horizontal flip
  double brightness = 0;  ///< factor uniform in [1-b, 1+b]; contrast and saturation likewise, about the
                          ///< image's mean luma and each pixel's luma
  double contrast = 0;
  double saturation = 0;
  double hue_degrees = 0;     ///< turn about the grey axis (in YIQ), uniform in [-h, h]
  double blur = 0;            ///< probability of a Gaussian blur ...
  double blur_sigma_max = 1;  ///< ... of sigma uniform in (0, max], pixels
  std::vector<double> fill;   ///< of padded pixels: R, G, B and further channels, or one value for all; empty
                              ///< = the network's mean, which the Loader puts here (`augment` alone knows no
                              ///< network and fills with 0)
};

/// Throws Error(usage) that lists every value that is out of its range.
void check(const AugmentOptions& options);

/// Images are resized bilinearly (with area averaging when shrinking), labels by nearest neighbour. Options
/// must have passed `check`; further labels go the way of the first. Throws Error(shape) for a sample whose
/// image and labels differ in size.
Sample augment(const Sample& sample, const AugmentOptions& options, Random& random);

/// The colour part alone: brightness, contrast, saturation, hue, blur.
void augment_colors(Image& image, const AugmentOptions& options, Random& random);
/// `fill` as bytes (a network's mean need not be whole) for a picture of so many channels; 0 where it is
/// empty. Throws Error(usage) where it has fewer values than the picture channels, unless it is one value for
/// all.
Fill fill_color(const AugmentOptions& options, int64_t channels);

}  // namespace vitrail
