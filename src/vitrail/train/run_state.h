#pragma once
// What a training run holds, and what it does between steps: starting or resuming, evaluating, saving,
// finishing. trainer.cpp has the steps themselves. Private to the trainer.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/train/checkpoint.h"
#include "vitrail/train/ema.h"
#include "vitrail/train/folder_lock.h"
#include "vitrail/train/log.h"
#include "vitrail/train/module.h"
#include "vitrail/train/optimizer.h"
#include "vitrail/train/schedule.h"
#include "vitrail/train/task.h"
#include "vitrail/train/tensorboard.h"
#include "vitrail/train/trainer.h"

namespace vitrail::train {

struct RunState {
  /// Opens everything and takes up the checkpoint, if there is one.
  RunState(Recipe recipe, TrainOptions options);

  bool cancelled() const { return options.cancelled && options.cancelled(); }
  Progress progress(Stage stage) const;
  void show(const Progress& progress) const;

  /// Into history, log and TensorBoard.
  void add(const TrainPoint& point);
  void add(const EvaluationPoint& point);
  /// The same few validation images at every evaluation, for TensorBoard: truth beside prediction.
  void add_pictures();

  bool evaluated(int64_t step) const;
  void evaluate_and_keep_best();
  void save();
  /// Writes model.onnx and report.html from the best weights.
  TrainResult finish();
  std::vector<std::string> class_names() const;

  Recipe recipe;
  TrainOptions options;
  FolderLock lock;
  Checkpoint now;              ///< step, best, history, seconds; its tensors are filled when it is saved
  int64_t saved_step = -1;     ///< of last.json
  std::unique_ptr<Task> task;  ///< the data, what a pass costs, how weights are judged
  std::optional<Checkpoint> resumed;     ///< its tensors are dropped once they are taken up
  Model model;                           ///< graph and info; the weights are in `module`
  std::vector<std::string> start_notes;  ///< where the weights come from, and what is odd about the data
  Module module;
  Optimizer optimizer;
  Schedule schedule;
  std::optional<Ema> average;
  JsonLog log;
  EventWriter events;

 private:
  Weights starting_weights();
  void take_up_checkpoint();
  Weights weights_to_evaluate() const;
  EvaluationPoint evaluate(const Weights& weights, Stage stage, int64_t images);
  GoOn tell(Stage stage) const;
  /// The best weights so far and their step.
  std::pair<Weights, int64_t> best() const;
};

}  // namespace vitrail::train
