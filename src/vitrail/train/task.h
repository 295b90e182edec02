#pragma once
// What differs between the kinds of segmentation in a training run: the data, what a pass costs, how weights
// are judged, and what a report shows. The loop, the optimiser, checkpoints and logs (run_state.h,
// trainer.cpp) are the same for all. Private to the trainer.
//
//   std::unique_ptr<Task> task = make_task(recipe);        // opens the data
//   task->prepare(model, module, go_on);                   // the network is there
//   task->start(first_pass);
//   for (...) { PassLoss pass = task->pass(dropout_seed); pass.value.total.backward(); ... }
//   EvaluationPoint point = task->evaluate(module.weights(), 0, go_on);
//
// A further kind is a class here and a line in make_task.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vitrail/train/history.h"
#include "vitrail/train/losses.h"
#include "vitrail/train/module.h"
#include "vitrail/train/recipe.h"
#include "vitrail/train/report.h"
#include "vitrail/train/trainer.h"

namespace vitrail::train {

/// Told (done, total); false stops what is under way with Error(cancelled).
using GoOn = std::function<bool(int64_t, int64_t)>;

struct PassLoss {
  LossValue value;
  std::vector<std::string> names;  ///< of the pictures in it
};

class Task {
 public:
  virtual ~Task() = default;

  virtual const std::vector<ClassInfo>& classes() const = 0;
  /// What the data say about the model.
  virtual void describe(ModelInfo& info) const = 0;
  /// Whether there is a validation split.
  virtual bool evaluates() const = 0;
  virtual std::string validation_split() const = 0;  ///< "val, 101 images"

  /// Once, with the network that is trained; both live as long as the task. Throws Error(usage) for losses
  /// that do not fit it.
  virtual void prepare(const Model& model, Module& module, const GoOn& go_on) = 0;
  /// What people should know about the data before the first step; after `prepare`.
  virtual std::vector<std::string> notes() const { return {}; }
  /// Before the first pass: batches are made from pass `first` on.
  virtual void start(int64_t first) = 0;
  /// The next pass. The same pass number and weights give the same bits.
  virtual PassLoss pass(uint64_t dropout_seed) = 0;

  /// When the gradients of update `step` are there, before the optimiser sees them.
  virtual void before_update(int64_t step) { (void)step; }

  /// Judges `weights` on `images` validation pictures, evenly spread; 0 = all. What follows speaks of the
  /// last call.
  virtual EvaluationPoint evaluate(const Weights& weights, int64_t images, const GoOn& go_on) = 0;
  /// The same few validation pictures every time.
  virtual std::vector<ReportPicture> pictures(int64_t count) = 0;
  /// For the notes of a model file.
  virtual std::string note() const = 0;
  /// Figures, and `pictures` worst and best ones.
  virtual void fill(ReportData& report, int64_t pictures) = 0;
  virtual void fill(TrainResult& result) const = 0;
};

/// Opens the recipe's data. Throws Error(usage) or Error(file) as open_dataset does.
std::unique_ptr<Task> make_task(const Recipe& recipe);
std::unique_ptr<Task> make_semantic_task(const Recipe& recipe);
std::unique_ptr<Task> make_ssd_task(const Recipe& recipe);
std::unique_ptr<Task> make_rcnn_task(const Recipe& recipe);

}  // namespace vitrail::train
