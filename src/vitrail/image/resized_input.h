#pragma once
// A network's input from a picture of another size, in one pass: resizing, normalisation, channel order and
// layout, without a resized picture in between. It equals preprocess(resize_image(image, height, width)) but
// for the rounding to bytes, which it leaves out.
//
//   Tensor input = resized_input(photo, model.info.preprocessing, 256, 512);   // [1, 3, 256, 512]

#include <vector>

#include "vitrail/image/input_route.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/image/reduced_image.h"
#include "vitrail/image/resize.h"

namespace vitrail {

/// The weights with which the values along one axis make those of another length: bilinear (half-pixel) where
/// the axis grows, the mean of the covered length where it shrinks. Output i is the sum of values[from[i] +
/// t]
/// * weights[i * taps + t], 0 <= t < taps; values past the end have weight 0.
struct SmoothTaps {
  int64_t taps = 0;
  std::vector<int64_t> from;
  std::vector<float> weights;
};
/// From an axis of length `from`, whose values each stand for `divisor` of it (the last for the rest), to
/// `to` values.
SmoothTaps smooth_taps(int64_t from, int64_t divisor, int64_t to);
/// The same, bilinear where the axis shrinks as well: what lies between two samples is not seen.
SmoothTaps linear_taps(int64_t from, int64_t divisor, int64_t to);

/// The same in bands, so that threads can share the work: construct once, then `rows` from any thread.
class ResizedInput {
 public:
  /// Keeps a reference to `image`, whose pixels each stand for divisor x divisor of a picture of `size`.
  /// Throws what preprocess() and resize_image() throw, and Error(usage) for Interpolation::nearest.
  ResizedInput(const Image& image, ImageSize size, int64_t divisor, const Preprocessing& preprocessing,
               int64_t height, int64_t width, Interpolation interpolation = Interpolation::smooth);

  /// Rows begin..end of `planes`, C planes of height x width floats.
  void rows(int64_t begin, int64_t end, float* planes) const;

 private:
  void mix_rows(int64_t y, std::vector<float>& mixed) const;
  void write_row(const std::vector<float>& mixed, int64_t y, float* planes) const;
  void write_colors(const std::vector<float>& mixed, int64_t y, float* planes) const;

  const Image& image_;
  int64_t height_, width_;
  InputRoute route_;
  SmoothTaps down_, across_;
};

/// The whole of it, [1, C, height, width], by the threads that the caller's parallel regions have.
Tensor resized_input(const ReducedView& picture, const Preprocessing& preprocessing, int64_t height,
                     int64_t width, Interpolation interpolation = Interpolation::smooth);

}  // namespace vitrail
