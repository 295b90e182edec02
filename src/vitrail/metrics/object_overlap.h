#pragma once
// How much found objects overlap true ones. Internal to metrics/.

#include <vector>

#include "vitrail/metrics/coco_eval.h"

namespace vitrail {

/// IoU of found object f and true object t at [f * truth.size() + t]; where t is a crowd, the share of f that
/// lies in it. Throws Error(shape) naming the picture for masks of different sizes.
std::vector<double> object_overlaps(int64_t image_id, const std::vector<const FoundObject*>& found,
                                    const std::vector<const TrueObject*>& truth, OverlapOf overlap,
                                    double boundary_width);

}  // namespace vitrail
