#include "vitrail/cli/coco_results.h"

namespace vitrail::cli {

nlohmann::ordered_json coco_result(const FoundInstance& found, const nlohmann::ordered_json& image_id,
                                   int64_t category_id) {
  const Box& box = found.box;
  nlohmann::ordered_json result = {{"image_id", image_id},
                                   {"category_id", category_id},
                                   {"bbox", {box.x1, box.y1, box.width(), box.height()}},
                                   {"score", found.score}};
  if (!found.mask.counts.empty())
    result["segmentation"] = {{"size", {found.mask.height, found.mask.width}},
                              {"counts", rle_to_text(found.mask)}};
  return result;
}

}  // namespace vitrail::cli
