#pragma once
// A photo with its objects painted over it: each in a colour of its own, outlined, with its box and a label.
//
//   std::vector<DrawnInstance> people = {{.mask = rle, .box = {10, 20, 110, 220}, .label = "person 0.97",
//                                         .color = colors[0]}};
//   write_jpeg("shown.jpg", instance_overlay(photo, people));
//
// Objects are painted in the order given from last to first, so that the first lies on top. The result has
// the photo's size.

#include <array>
#include <string>
#include <vector>

#include "vitrail/image/image.h"
#include "vitrail/image/rle.h"

namespace vitrail {

struct DrawnInstance {
  Rle mask;                    ///< of the photo's size; 0 x 0: the box alone is drawn
  std::array<float, 4> box{};  ///< x1, y1, x2, y2 in pixels of the photo
  std::string label;           ///< "person 0.97"; drawn in ASCII, other characters as '?'; may be empty
  Rgb color{};
};

struct InstanceOverlayOptions {
  double opacity = 0.5;  ///< of the colours inside masks, 0 (outlines alone) to 1
  bool boxes = false;    ///< draw boxes too, where there is a mask
  bool labels = true;
};

/// Throws Error(shape) for a photo that is not RGB or a mask of another size, Error(usage) for an opacity
/// outside of 0..1.
Image instance_overlay(Image photo, const std::vector<DrawnInstance>& instances,
                       const InstanceOverlayOptions& options = {});

/// `count` colours for objects, far from each other and none so dark or light that it would look like shadow
/// or glare; a few dozen, which then repeat.
std::vector<Rgb> instance_colors(int64_t count);

/// Which object each pixel belongs to: 1 for the first of `masks`, 2 for the second, ..., 0 for none; where
/// they overlap, the earlier one. Throws Error(limit) for more than 65535.
LabelMap instance_numbers(const std::vector<Rle>& masks, int64_t height, int64_t width);

}  // namespace vitrail
