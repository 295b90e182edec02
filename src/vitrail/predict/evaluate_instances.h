#pragma once
// An instance segmentation model measured on a data set, with COCO's figures for boxes and for masks.
//
//   auto val = open_instance_dataset("coco:/data/coco/person_val.json", "");
//   InstanceEvaluation e = evaluate(predictor, *val);
//   std::cout << coco_table(*e.masks, class_names(predictor.info()));

#include <functional>
#include <optional>
#include <vector>

#include "vitrail/data/instance_dataset.h"
#include "vitrail/metrics/coco_eval.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

struct InstanceEvaluateOptions {
  std::vector<int64_t> pictures;  ///< indices; empty: all
  bool boundaries = false;        ///< measure Boundary IoU, too
  CocoOptions coco;               ///< its overlap is not looked at
  /// Called after each picture with how many are done; returning false cancels (Error(cancelled)).
  std::function<bool(int64_t done, int64_t total)> progress;
  /// Called with what was found in each picture.
  std::function<void(const InstanceSample& sample, const std::vector<FoundInstance>& found)> found;
};

/// What is in a picture, in its pixels.
using FindInstances = std::function<std::vector<FoundInstance>(const Image& image)>;

struct InstanceEvaluation {
  CocoScores boxes;
  std::optional<CocoScores> masks;       ///< where the model has masks
  std::optional<CocoScores> boundaries;  ///< where they were asked for, too
  int64_t images = 0;
  double predict_seconds =
      0;  ///< inside the predictor alone: not loading, not matching, not the first picture
  double images_per_second = 0;  ///< over all pictures but the first; 0 where there is only one
};

/// Only the model's classes are measured; the data set must have all of them, by name (upper and lower case,
/// '-', '_' and spaces do not matter), and may have more. Finds without a mask count for boxes alone. Loading
/// the next picture overlaps with predicting this one. Throws Error(usage) for a class that the data set has
/// not, and whatever loading or predicting throws.
InstanceEvaluation evaluate(const InstancePredictor& predictor, const InstanceDataset& dataset,
                            const InstanceEvaluateOptions& options = {});
InstanceEvaluation evaluate(const FindInstances& find, bool has_masks, const std::vector<ClassInfo>& classes,
                            const InstanceDataset& dataset, const InstanceEvaluateOptions& options = {});

/// For every class of the data set the model's class of that name, -1 where it has none.
std::vector<int64_t> model_classes_of(const InstanceDataset& dataset, const std::vector<ClassInfo>& classes);

/// A picture's objects as evaluation takes them; `class_of` renumbers classes, -1 leaves one out.
std::vector<TrueObject> true_objects(const InstanceSample& sample, const std::vector<int64_t>& class_of);

}  // namespace vitrail
