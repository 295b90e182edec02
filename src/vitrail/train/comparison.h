#pragma once
// A validation image as people compare it: the truth over the photo, and beside it the prediction.
//
//   events.image("val/street_12", step, encode_png(comparison(photo, truth, prediction, classes)), ...);

#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/image/overlay.h"

namespace vitrail::train {

std::vector<NamedColor> colors_of(const std::vector<ClassInfo>& classes);

/// Truth on the left, prediction on the right, each at most 640 pixels wide and high.
Image comparison(const Image& photo, const LabelMap& truth, const LabelMap& prediction,
                 const std::vector<ClassInfo>& classes);

}  // namespace vitrail::train
