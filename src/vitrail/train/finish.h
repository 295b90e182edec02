#pragma once
// The end of a training run: model.onnx and report.html. Private to the trainer.

#include <optional>

#include "vitrail/train/run_state.h"

namespace vitrail::train {

struct Outcome {
  Weights weights;
  int64_t step = 0;                           ///< of the weights
  double images_per_second = 0;               ///< of training, at its end
  std::optional<EvaluationPoint> evaluation;  ///< the task's last; of the whole validation split
};

TrainResult write_outcome(RunState& run, const Outcome& outcome);

}  // namespace vitrail::train
