#include "vitrail/train/instance_task.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/held_out.h"

namespace vitrail::train {

InstanceTask::Splits InstanceTask::open_splits(const Recipe& recipe) {
  const Recipe::Data& data = recipe.data;
  if (data.hold_out == 0) {
    Splits splits{open_instance_dataset(data.dataset, data.train_split), nullptr, data.val_split};
    if (!data.val_split.empty()) splits.val = open_instance_dataset(data.dataset, data.val_split);
    return splits;
  }
  if (!data.val_split.empty())
    throw Error(ErrorKind::usage, {.where = recipe.source,
                                   .found = cat("data.hold_out with data.val_split '", data.val_split, "'"),
                                   .next = "Validate on one of the two: leave the other out"});
  HeldOut parts = hold_out(open_instance_dataset(data.dataset, data.train_split), data.hold_out);
  return {std::move(parts.rest), std::move(parts.held_out),
          cat("one picture in ", data.hold_out, " of ", data.train_split)};
}

InstanceTask::InstanceTask(const Recipe& recipe) : recipe_(recipe), data_(open_splits(recipe)) {}

std::string InstanceTask::validation_split() const {
  return cat(data_.val_name, ", ", data_.val->size(), " images");
}

EvaluationPoint InstanceTask::evaluate(const Weights& weights, int64_t images, const GoOn& go_on) {
  judged_.emplace(Model{model_->graph, weights, model_->info}, *data_.val);
  return judged_->evaluate(images, go_on);
}

void InstanceTask::fill(TrainResult& result) const {
  if (judged_) result.table = judged_->table();
}

}  // namespace vitrail::train
