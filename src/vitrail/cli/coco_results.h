#pragma once
// Found objects in the form of COCO's result files.

#include <nlohmann/json.hpp>

#include "vitrail/predict/instance.h"

namespace vitrail::cli {

/// {"image_id", "category_id", "bbox": [x, y, width, height], "score", "segmentation": {"size", "counts"}};
/// the last only for an object with a mask.
nlohmann::ordered_json coco_result(const FoundInstance& found, const nlohmann::ordered_json& image_id,
                                   int64_t category_id);

}  // namespace vitrail::cli
