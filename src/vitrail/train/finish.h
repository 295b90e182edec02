#pragma once
// The end of a training run: model.onnx and report.html. Private to the trainer.

#include <optional>

#include "vitrail/train/run_state.h"

namespace vitrail::train {

struct Outcome {
  int64_t step = 0;                      ///< whose weights run.evaluated_module has
  double images_per_second = 0;          ///< of training, at its end
  std::optional<Evaluation> evaluation;  ///< of the whole validation split; none without one
};

TrainResult write_outcome(RunState& run, const Outcome& outcome);

}  // namespace vitrail::train
