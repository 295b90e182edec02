#pragma once
// What a predictor found, as it is drawn over its picture.
//
//   std::vector<DrawnInstance> drawn = drawn_instances(found, predictor.info().classes);
//   write_jpeg("shown.jpg", instance_overlay(photo, drawn));

#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/instance_overlay.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

/// Labels are class and score ("person 0.97"), colours those of instance_colors() in order.
std::vector<DrawnInstance> drawn_instances(const std::vector<FoundInstance>& found,
                                           const std::vector<ClassInfo>& classes);

}  // namespace vitrail
