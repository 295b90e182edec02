#pragma once
// The one thing of a picture's EXIF block that changes its pixels: which way up it is.

#include <string_view>

#include "vitrail/image/image.h"

namespace vitrail {

/// The orientation tag (274) of a TIFF block as EXIF embeds it: 1..8, where 1 is upright, 3 upside down, 6
/// and 8 lie on a side and even numbers below 5 are mirrored. 1 when the tag is missing or the block is
/// damaged.
int exif_orientation(std::string_view tiff);

/// Whether the orientation exchanges height and width.
constexpr bool orientation_transposes(int orientation) {
  return orientation >= 5 && orientation <= 8;
}

/// `image` as stored, turned the way `orientation` says it is to be shown.
Image oriented(Image image, int orientation);

}  // namespace vitrail
