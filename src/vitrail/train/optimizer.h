#pragma once
// Optimisers: from gradients to the next weights, with a state that can be saved and restored bit for bit.
//
//   Optimizer optimizer(module.learnable(), {.kind = OptimizerKind::sgd, .momentum = 0.9, .weight_decay =
//   4e-5,
//                                            .no_decay = {"*.BatchNorm.*"}, .rate_multipliers =
//                                            {{"decoder.*", 10}}});
//   for (...) { optimizer.zero_gradients(); loss.backward(); optimizer.step(schedule.rate(step)); }
//   write_safetensors(path, optimizer.state());
//
// With g the gradient (plus weight_decay * w unless the optimiser decouples it) and r the parameter's rate:
//   sgd      v = momentum v + g; w -= r v, or r (g + momentum v) with Nesterov's       (PyTorch)
//   adam     m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; w -= r m' / (sqrt(v') + eps), m' and v' without the
//            start's bias (Kingma & Ba 2015)
//   adamw    adam, with w *= 1 - r weight_decay first instead (Loshchilov & Hutter 2019)
//   rmsprop  s = alpha s + (1-alpha) g^2 from 0; b = momentum b + g / (sqrt(s) + eps); w -= r b   (PyTorch)
//   rmsprop_tensorflow  s as before but from 1; b = momentum b + r g / sqrt(s + eps); w -= b      (TensorFlow
//   1)

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "vitrail/train/module.h"

namespace vitrail::train {

enum class OptimizerKind { sgd, adam, adamw, rmsprop, rmsprop_tensorflow };

std::string_view name_of(OptimizerKind kind);              ///< "sgd", "rmsprop_tensorflow", ...
OptimizerKind optimizer_kind_from(std::string_view name);  ///< throws Error(usage) listing the names

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double momentum = 0.9;  ///< of sgd and both rmsprop; in [0, 1)
  bool nesterov = false;  ///< sgd
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999;  ///< adam, adamw
  double alpha = 0.9;                 ///< rmsprop: how much of the mean square is kept
  double epsilon = 1e-8;
  double clip_norm = 0;   ///< > 0: gradients are scaled down together to this global L2 norm at most
  double clip_value = 0;  ///< > 0: then each element is cut to [-clip_value, clip_value]
  /// Patterns (pattern.h) of parameters without weight decay. One that matches nothing is refused.
  std::vector<std::string> no_decay;
  /// Learning-rate multipliers by pattern; where several match, the last one counts. 0 is allowed (no step).
  std::vector<std::pair<std::string, double>> rate_multipliers;
};

/// Every fault of the options, as text; empty when they are sound.
std::vector<std::string> faults(const OptimizerOptions& options);

/// What the rules come to for one parameter, for logs.
struct ParameterRule {
  std::string name;
  double rate_multiplier = 1;
  double weight_decay = 0;
};

class Optimizer {
 public:
  /// Throws Error(usage) with every fault of the options and every pattern that matches nothing.
  Optimizer(NamedTensors parameters, OptimizerOptions options);

  /// Forgets all gradients.
  void zero_gradients();

  /// One update at learning rate `rate` from the gradients that are there; a parameter without one stays as
  /// it is. Returns the gradients' global L2 norm before clipping. When that is not finite nothing is
  /// changed: the caller decides (the trainer stops).
  double step(double rate);

  const std::vector<ParameterRule>& rules() const { return rules_; }
  const OptimizerOptions& options() const { return options_; }

  /// Everything that the next step depends on beside the weights and their gradients: "step" and, by
  /// parameter, "NAME/momentum", "NAME/mean_square", ... `load_state` throws Error(usage) or Error(shape)
  /// naming what is missing, unexpected or misshapen; then nothing has changed.
  Weights state() const;
  void load_state(const Weights& state);

 private:
  double clip();
  void update(size_t index, const at::Tensor& gradient, double rate);

  NamedTensors parameters_;
  OptimizerOptions options_;
  std::vector<ParameterRule> rules_;
  int64_t steps_ = 0;
  std::vector<std::string> slot_names_;         ///< of this kind: {"momentum"}, {"mean", "mean_square"}
  std::vector<std::vector<at::Tensor>> slots_;  ///< by slot, by parameter
};

}  // namespace vitrail::train
