#pragma once
// What the tasks of instance segmentation networks share: the splits of their data, and how weights are
// judged. Private to the trainer.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/train/instance_evaluation.h"
#include "vitrail/train/task.h"

namespace vitrail::train {

class InstanceTask : public Task {
 public:
  /// Opens the recipe's data; `recipe` outlives the task.
  explicit InstanceTask(const Recipe& recipe);

  const std::vector<ClassInfo>& classes() const override { return data_.train->classes(); }
  void describe(ModelInfo&) const override {}
  bool evaluates() const override { return data_.val != nullptr; }
  std::string validation_split() const override;
  EvaluationPoint evaluate(const Weights& weights, int64_t images, const GoOn& go_on) override;
  std::vector<ReportPicture> pictures(int64_t count) override { return judged_->pictures(count); }
  std::string note() const override { return judged_->note(); }
  void fill(ReportData& report, int64_t pictures) override { judged_->fill(report, pictures); }
  void fill(TrainResult& result) const override;

 protected:
  struct Splits {
    std::shared_ptr<InstanceDataset> train, val;  ///< no val: no evaluation
    std::string val_name;
  };

  const Recipe& recipe_;
  Splits data_;
  const Model* model_ = nullptr;  ///< set by prepare()

 private:
  static Splits open_splits(const Recipe& recipe);

  std::optional<JudgedInstances> judged_;
};

}  // namespace vitrail::train
