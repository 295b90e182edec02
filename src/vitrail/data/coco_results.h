#pragma once
// COCO's result files: what a detector found, as a list of
// {image_id, category_id, bbox: [x, y, width, height], score, segmentation: {size, counts}}.
//
//   std::vector<CocoResult> results = read_coco_results("results.json");
//   write_coco_results("copy.json", results);
//
// Every key is checked; the first fault is an Error that names file, key and reason:
//
//   results.json: [17].score: "0.5"; a number is due.

#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "vitrail/image/rle.h"

namespace vitrail {

struct CocoResult {
  int64_t image_id = 0, category_id = 0;
  std::array<double, 4> bbox{};  ///< x, y, width, height in pixels; around the mask where the file has none
  std::optional<Rle> mask;
  double score = 0;
};

/// In the file's order, which decides between equal scores. A result has a bbox, a segmentation, or both.
std::vector<CocoResult> read_coco_results(const std::filesystem::path& path);

/// The bytes of such a file, masks as COCO's text.
std::string coco_results_json(const std::vector<CocoResult>& results);
void write_coco_results(const std::filesystem::path& path, const std::vector<CocoResult>& results);

}  // namespace vitrail
