#pragma once
// Cityscapes' average precision of a folder of instance results.
//
//   CityscapesApScores s = evaluate_cityscapes_results("results", "/data/cityscapes", "val");
//   std::cout << cityscapes_ap_table(s, cityscapes_instance_names());

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/metrics/cityscapes_ap.h"

namespace vitrail {

/// Every frame of the split needs its text. AP100m and AP50m are known where disparity/ and camera/ lie
/// beside gtFine/. Throws what CityscapesResults and read_cityscapes_truth throw.
CityscapesApScores evaluate_cityscapes_results(const std::filesystem::path& results,
                                               const std::filesystem::path& root, const std::string& split);

/// person, rider, car, truck, bus, train, motorcycle, bicycle
std::vector<std::string> cityscapes_instance_names();

/// AP, AP50 and, where distances are known, AP100m and AP50m in percent, by class and their means.
std::string cityscapes_ap_table(const CityscapesApScores& scores);
/// An object with `ap`, `ap50`, `ap100m`, `ap50m` (fractions, null where undefined) and `per_class`.
std::string cityscapes_ap_json(const CityscapesApScores& scores);

}  // namespace vitrail
