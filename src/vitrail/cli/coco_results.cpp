#include "vitrail/cli/coco_results.h"

namespace vitrail::cli {

CocoResult coco_result(const FoundInstance& found, int64_t image_id, int64_t category_id) {
  const auto wide = [](float v) { return static_cast<double>(v); };
  const Box& box = found.box;
  CocoResult result{
      .image_id = image_id,
      .category_id = category_id,
      .bbox = {wide(box.x1), wide(box.y1), wide(box.x2) - wide(box.x1), wide(box.y2) - wide(box.y1)},
      .mask = {},
      .score = wide(found.score)};
  if (!found.mask.counts.empty()) result.mask = found.mask;
  return result;
}

}  // namespace vitrail::cli
