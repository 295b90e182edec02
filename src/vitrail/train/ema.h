#pragma once
// The exponential moving average of a network's weights over training: often better than the last weights,
// and smoother from one evaluation to the next.
//
//   Ema ema(module, {.decay = 0.999});
//   for (...) { optimizer.step(rate); ema.update(module); }
//   Engine engine(graph, ema.weights());
//
// average = d average + (1 - d) weight, with d = decay, or min(decay, (1 + t) / (10 + t)) after t updates
// with `warm_up`, so that a short run is not held back by where it started (TensorFlow's
// ExponentialMovingAverage).

#include <cstdint>

#include <torch/torch.h>

#include "vitrail/train/module.h"

namespace vitrail::train {

struct EmaOptions {
  double decay = 0.999;  ///< in [0, 1)
  bool warm_up = true;
  /// Whether running statistics are averaged like weights; otherwise the newest are taken.
  bool average_statistics = true;
};

class Ema {
 public:
  /// Starts at the module's present weights. Throws Error(usage) for a decay outside [0, 1).
  Ema(const Module& module, EmaOptions options = {});

  /// After each optimiser step.
  void update(const Module& module);

  /// The averaged weights, by name: for Engine, Module::load or a file.
  Weights weights() const;

  /// Everything the next update depends on beside the module: the averages and "ema.updates", for
  /// checkpoints.
  Weights state() const;
  /// Throws Error(usage) or Error(shape) naming what is missing, unexpected or misshapen.
  void load_state(const Weights& state);

 private:
  EmaOptions options_;
  int64_t updates_ = 0;
  NamedTensors averages_;
};

}  // namespace vitrail::train
