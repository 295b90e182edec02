#pragma once
// Judging an instance segmentation network while it trains: with the predictor and the engine that will run
// it, by COCO's rules. Private to the trainer.

#include <optional>
#include <string>
#include <vector>

#include "vitrail/data/instance_dataset.h"
#include "vitrail/metrics/coco_eval.h"
#include "vitrail/predict/instance.h"
#include "vitrail/train/task.h"

namespace vitrail::train {

class JudgedInstances {
 public:
  /// `dataset` must outlive this.
  JudgedInstances(Model model, const InstanceDataset& dataset);

  /// On `images` pictures, evenly spread; 0 = all. The rest speaks of the last call. The figures are COCO's,
  /// of masks and boxes (mask_ap50 first), or of boxes alone for a network without masks.
  EvaluationPoint evaluate(int64_t images, const GoOn& go_on);
  std::vector<ReportPicture> pictures(int64_t count) const;
  std::string note() const;
  /// COCO's twelve figures, for a terminal.
  std::string table() const;
  void fill(ReportData& report, int64_t pictures) const;

 private:
  struct PictureScore {
    int64_t index = 0;
    double right = 0;  ///< mean over the objects of the best IoU that a find of their class has
  };
  ReportPicture picture(int64_t index, std::optional<double> right) const;

  const InstanceDataset& dataset_;
  InstancePredictor predictor_;
  std::optional<CocoScores> masks_, boxes_;
  std::vector<PictureScore> scores_;
};

}  // namespace vitrail::train
