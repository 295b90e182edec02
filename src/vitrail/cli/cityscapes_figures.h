#pragma once
// What `evaluate` prints beside the IoU of the classes where the data set is Cityscapes: category IoU, and
// the instance-level iIoU where gtFine's instanceIds files lie beside the label files
// (metrics/cityscapes_iou.h).

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vitrail/image/image.h"
#include "vitrail/metrics/cityscapes_iou.h"

namespace vitrail::cli {

bool is_cityscapes(const std::string& dataset);  ///< "cityscapes:PATH"

/// Counts one prediction; `labels` is the .._labelIds.png file. Nothing happens where its .._instanceIds.png
/// is missing.
void add_cityscapes(CityscapesInstances& instances, const std::filesystem::path& labels,
                    const LabelMap& prediction);

/// A table of the categories, the classes with instances, and the means; in percent.
std::string cityscapes_table(const CityscapesScores& scores, const std::vector<std::string>& class_names);
nlohmann::ordered_json cityscapes_json(const CityscapesScores& scores,
                                       const std::vector<std::string>& class_names);

}  // namespace vitrail::cli
