#pragma once
// Training: from a recipe to a model file.
//
//   train::Trainer trainer(read_recipe("recipes/mobilenet-x0.5-fcn8_camvid.toml"),
//                          {.out_dir = "runs/fcn8", .dataset = "camvid:/data/camvid"});
//   TrainResult result = trainer.run();      // runs/fcn8/model.onnx, report.html, log.jsonl, tensorboard/
//
// A run is a function of (recipe, data, pretrained weights, LibTorch's number of threads): every step's
// batch, augmentation and dropout follow from the seed and the step's number. So a run that was killed and is
// resumed ends with the same weights, bit for bit, as one that was not.
//
// In `out_dir`:  last.json, last-N.safetensors  everything needed to resume (checkpoint.h)
//                best.json, best-N.safetensors  weights of the best evaluation so far
//                log.jsonl, tensorboard/        the curves as they grow, a few pictures with each evaluation
//                model.onnx, report.html        at the end
//
// Nothing here is global, and nothing prints: a program shows `Progress` as it likes. (LibTorch's number of
// threads is the process's; see runtime.h.)

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/metrics/confusion.h"
#include "vitrail/train/history.h"
#include "vitrail/train/recipe.h"

namespace vitrail::train {

enum class Stage { preparing, training, evaluating, finishing };

struct Progress {
  Stage stage = Stage::preparing;
  int64_t step = 0;   ///< optimiser steps done
  int64_t steps = 0;  ///< of how many
  int64_t done = 0;   ///< evaluating, finishing: images done, of `total`
  int64_t total = 0;
  double loss = 0;  ///< of the last step
  double rate = 0;
  double images_per_second = 0;               ///< of training, averaged over the last steps
  double seconds_left = 0;                    ///< of training, at that speed
  std::optional<EvaluationPoint> evaluation;  ///< set once, when an evaluation has just finished
  std::optional<double> best_score;           ///< of the first of its figures
  int64_t best_step = 0;
};

struct TrainOptions {
  std::filesystem::path out_dir;
  /// Goes on from out_dir's checkpoint (or begins where there is none yet). Without it a folder that has one
  /// is refused.
  bool resume = false;
  std::string dataset;               ///< NAME:PATH, in place of the recipe's; empty = the recipe's
  std::filesystem::path pretrained;  ///< file, or folder to look in, for net.pretrained
  std::function<void(const Progress&)> progress;  ///< called from run()'s thread
  /// Asked before every step and every image. Once true, training saves a checkpoint and run() throws
  /// Error(cancelled).
  std::function<bool()> cancelled;
};

struct TrainResult {
  int64_t steps = 0;
  int64_t model_step = 0;                    ///< whose weights model.onnx has
  std::optional<SegmentationScores> scores;  ///< of model.onnx on the whole validation split
  std::vector<std::string> class_names;
  std::string table;  ///< figures of model.onnx on the whole validation split, for people
  std::filesystem::path model;
  std::filesystem::path report;
};

class Trainer {
 public:
  /// Opens data and network and loads weights or checkpoint. Throws Error(usage) for a recipe that does not
  /// fit them, for a folder with a checkpoint without `resume`, and for a checkpoint of another recipe
  /// (naming the keys that differ).
  Trainer(Recipe recipe, TrainOptions options);
  ~Trainer();

  /// Trains to the recipe's last step, then writes model.onnx and report.html. Throws Error(numeric) as soon
  /// as loss or gradient is not finite, naming step, rate, the loss's parts and the images.
  TrainResult run();

  /// For a network from a file: what it was and what was done to it, for people. Empty for one by name.
  std::string origin() const;
  /// A sentence each: what its first weights came from (pretrained tensors, what of the file was left out, a
  /// former run's), unless the run goes on; classes that the counted training pictures do not have.
  const std::vector<std::string>& start_notes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail::train
