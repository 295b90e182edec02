#pragma once
// A network's small mask, put back where it lies in the picture; and the way there, for training.
//
//   PasteOptions logits{.threshold = 0};
//   Rle rle = paste_rle(values, {36, 16}, region, box, {480, 640}, logits);     // values: [36,16]
//   Mask mask = paste_mask(values, {28, 28}, box, box, {480, 640});             // probabilities, 0.5
//
// Every pixel whose centre lies in `inside` is sampled at its centre, bilinearly, from the values that are
// spread over `region` (SPEC 10.1), and set where it is at least the threshold. Boxes are in pixels of the
// picture.

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"
#include "vitrail/image/rle.h"

namespace vitrail {

struct PasteOptions {
  double threshold = 0.5;  ///< on the values as they are; 0 for logits is 0.5 for probabilities
  /// Beyond its outermost values a mask fades to 0 and ends with its region (detectron2, torchvision), or
  /// goes on as it ends (TensorFlow). With logits and a threshold of 0 both give the same mask.
  bool fades = true;
  /// As torchvision: the mask gets a frame of zeros, its box is cut to whole pixels, and pixels of which the
  /// value is greater than the threshold are set; `inside` is not looked at.
  bool torchvision = false;
};

/// A window of the picture and the pixels in it; empty where the mask lies outside.
struct PastedMask {
  int64_t y = 0, x = 0;
  Mask mask;
};

/// `values` are [grid.height, grid.width], row after row. Throws Error(shape) when they are not as many,
/// Error(numeric) for a box that is not finite.
PastedMask paste_window(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
                        Extent picture, const PasteOptions& options = {});
Mask paste_mask(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
                Extent picture, const PasteOptions& options = {});
/// The same mask as run lengths, without a picture in between.
Rle paste_rle(std::span<const float> values, Extent grid, const Box& region, const Box& inside,
              Extent picture, const PasteOptions& options = {});

/// What a network that sees `region` of a picture should say about an object: [grid.height, grid.width]
/// values 0..1, the averages of the mask's pixels (RoIAlign with as many samples as there are pixels), 0
/// outside of the picture. `region` is in pixels of the mask.
std::vector<float> crop_mask(const Mask& mask, const Box& region, Extent grid);

}  // namespace vitrail
