#pragma once
// COCO's figures of a result file, without the model that made it.
//
//   auto val = open_instance_dataset("coco:/data/coco/instances_val.json", "");
//   ResultsEvaluation e = evaluate_results("results.json", *val);
//   std::cout << coco_table(e.boxes, names);
//
// Every figure is what pycocotools says to the same two files (metrics/coco_eval.h names the exceptions). The
// pictures need not be there.

#include <filesystem>
#include <optional>

#include "vitrail/data/instance_dataset.h"
#include "vitrail/metrics/coco_eval.h"

namespace vitrail {

struct ResultsOptions {
  bool boundaries = false;            ///< measure Boundary IoU, too
  bool id_zero_is_unmatched = false;  ///< count objects with id 0 as pycocotools does
};

struct ResultsEvaluation {
  CocoScores boxes;
  std::optional<CocoScores> masks, boundaries;  ///< where results have masks
  int64_t images = 0;
  int64_t results = 0;
  int64_t of_other_categories = 0;  ///< results whose category the data set has not: they count nowhere
};

/// Throws Error(format) naming file, key and reason for a result that is malformed, of a picture that the
/// data set has not, or whose mask has not the picture's size.
ResultsEvaluation evaluate_results(const std::filesystem::path& results, const InstanceDataset& dataset,
                                   const ResultsOptions& options = {});

}  // namespace vitrail
