#pragma once
// Colour augmentation, in place and without threads of its own: of the first three channels
// (image/channels.h); those behind them stay as they are.

#include "vitrail/image/image.h"

namespace vitrail {

/// Factors (1 = unchanged) and a hue turn in degrees. They are applied in the order brightness, contrast
/// about the mean luma, saturation about each pixel's luma, hue about the grey axis: one affine map of RGB,
/// rounded and clamped to 0..255 once. A picture of one or two channels has no colours to change.
struct ColorChange {
  double brightness = 1;
  double contrast = 1;
  double saturation = 1;
  double hue_degrees = 0;
  bool operator==(const ColorChange&) const = default;
};
void change_colors(Image& image, const ColorChange& change);

/// Gaussian blur of `sigma` pixels (kernel cut at 3 sigma, borders repeated); of one or two channels the
/// first.
void blur(Image& image, double sigma);

}  // namespace vitrail
