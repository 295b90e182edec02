#pragma once
// A validation image as people compare it: the truth drawn over the photo, and beside it the prediction.
//
//   events.image("val/street_12", step, encode_png(comparison(truth, prediction)), ...);

#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/image/overlay.h"

namespace vitrail::train {

std::vector<NamedColor> colors_of(const std::vector<ClassInfo>& classes);

/// Truth on the left, prediction on the right, each at most 640 pixels wide and high. Both are of one size.
Image comparison(const Image& truth, const Image& prediction);

}  // namespace vitrail::train
