#pragma once
// Found objects in the form of COCO's result files (data/coco_results.h).

#include "vitrail/data/coco_results.h"
#include "vitrail/predict/instance.h"

namespace vitrail::cli {

CocoResult coco_result(const FoundInstance& found, int64_t image_id, int64_t category_id);

}  // namespace vitrail::cli
