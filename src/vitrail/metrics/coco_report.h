#pragma once
// COCO's figures for people (a table) and for programs (JSON). What is undefined is "absent" or null.
//
//   std::cout << coco_table(scores, {"person", "car"});

#include <string>
#include <vector>

#include "vitrail/metrics/coco_eval.h"

namespace vitrail {

/// COCO's twelve figures in percent and, where there are several classes, a row for each:
///
///     masks                       AP     AP50     AP75    small   medium    large
///     AP, 100 finds            31.42    55.10    32.08    10.91    29.00    48.20
///     ...
std::string coco_table(const CocoScores& scores, const std::vector<std::string>& class_names);

/// An object with `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`,
/// `ar_small`, `ar_medium`, `ar_large`, the same at IoU 0.5 alone as `at_iou_50`, and `per_class`: a list of
/// {name, ap, ap50, ap75, ar100, true_objects, found_objects}. Fractions in 0..1, null where undefined.
std::string coco_json(const CocoScores& scores, const std::vector<std::string>& class_names);

}  // namespace vitrail
