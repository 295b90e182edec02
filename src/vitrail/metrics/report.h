#pragma once
// Scores for people (a table) and for programs (JSON). A figure is never shown without its convention, and
// what is undefined is "absent" or null, never nan.
//
//   std::cout << scores_table(scores(matrix), {"sky", "road"});
//   std::ofstream("scores.json") << scores_json(scores(matrix), {"sky", "road"});

#include <string>
#include <vector>

#include "vitrail/metrics/confusion.h"

namespace vitrail {

/// One line for a reader: "counts only classes present in truth or prediction".
std::string_view meaning_of(AbsentClasses convention);

/// One row per class and the means below, in percent. Class i is called `class_names[i]`, or "class i" where
/// there are fewer names.
///
///     class       IoU   accuracy  precision   recall       F1   truth pixels  predicted pixels
///     sky       92.31      95.00      97.02    95.00    96.00          81920             80211
///     bus      absent     absent     absent   absent   absent              0                 0
std::string scores_table(const SegmentationScores& scores, const std::vector<std::string>& class_names);

/// An object with `convention`, `mean_iou`, `pixel_accuracy`, `mean_accuracy`, `frequency_weighted_iou` and
/// `per_class`: a list of {name, iou, accuracy, precision, recall, f1, truth_pixels, predicted_pixels}.
/// Figures are fractions in 0..1, null where undefined.
std::string scores_json(const SegmentationScores& scores, const std::vector<std::string>& class_names);

}  // namespace vitrail
