#pragma once
// The rim of a mask, for Boundary IoU (Cheng et al. 2021).
//
//   Rle rim = rim_of(mask, rim_width(480, 640, 0.02));   // 16 pixels inwards from the outline

#include "vitrail/image/rle.h"

namespace vitrail {

/// `share` of the diagonal in whole pixels, at least 1; halves go to the even number.
int64_t rim_width(int64_t height, int64_t width, double share);

/// The set pixels that are at most `width` steps (also diagonal ones) from a pixel that is not set, or from
/// outside of the picture.
Rle rim_of(const Rle& mask, int64_t width);

}  // namespace vitrail
