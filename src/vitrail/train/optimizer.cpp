#include "vitrail/train/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/train/pattern.h"

namespace vitrail::train {
namespace {

constexpr std::array<std::string_view, 5> kind_names = {"sgd", "adam", "adamw", "rmsprop",
                                                        "rmsprop_tensorflow"};
constexpr const char* steps_key = "step";

std::vector<std::string> slots_of(const OptimizerOptions& options) {
  switch (options.kind) {
    case OptimizerKind::sgd:
      return options.momentum > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
    case OptimizerKind::adam:
    case OptimizerKind::adamw: return {"mean", "mean_square"};
    case OptimizerKind::rmsprop:
    case OptimizerKind::rmsprop_tensorflow:
      return options.momentum > 0 ? std::vector<std::string>{"mean_square", "momentum"}
                                  : std::vector<std::string>{"mean_square"};
  }
  return {};
}

}  // namespace

std::string_view name_of(OptimizerKind kind) {
  return kind_names.at(static_cast<size_t>(kind));
}

OptimizerKind optimizer_kind_from(std::string_view name) {
  const auto found = std::find(kind_names.begin(), kind_names.end(), name);
  if (found != kind_names.end()) return static_cast<OptimizerKind>(found - kind_names.begin());
  throw Error(ErrorKind::usage, {.where = "optimizer",
                                 .found = cat("unknown name '", name, "'"),
                                 .next = did_you_mean(name, {kind_names.begin(), kind_names.end()})});
}

std::vector<std::string> faults(const OptimizerOptions& options) {
  std::vector<std::string> result;
  const auto fraction = [&](std::string_view name, double value) {
    if (!(value >= 0 && value < 1)) result.push_back(cat(name, " is ", value, "; it must be in [0, 1)"));
  };
  const auto not_negative = [&](std::string_view name, double value) {
    if (!(std::isfinite(value) && value >= 0))
      result.push_back(cat(name, " is ", value, "; it must be 0 or more"));
  };
  fraction("momentum", options.momentum);
  fraction("beta1", options.beta1);
  fraction("beta2", options.beta2);
  fraction("alpha", options.alpha);
  not_negative("weight_decay", options.weight_decay);
  not_negative("epsilon", options.epsilon);
  not_negative("clip_norm", options.clip_norm);
  not_negative("clip_value", options.clip_value);
  for (const auto& [pattern, multiplier] : options.rate_multipliers)
    not_negative(cat("rate multiplier of '", pattern, "'"), multiplier);
  if (options.nesterov && options.momentum == 0) result.push_back("nesterov needs a momentum above 0");
  if (options.nesterov && options.kind != OptimizerKind::sgd)
    result.push_back("nesterov belongs to sgd alone");
  return result;
}

Optimizer::Optimizer(NamedTensors parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(std::move(options)), slot_names_(slots_of(options_)) {
  if (const std::vector<std::string> found = faults(options_); !found.empty())
    throw Error(ErrorKind::usage, {.where = "optimizer", .found = join(found, "; ")});
  if (parameters_.empty())
    throw Error(ErrorKind::usage,
                {.where = "optimizer",
                 .found = "no parameter to learn",
                 .allowed = "one at least",
                 .next = "Freeze less (train.freeze). A quantised file has constants: train "
                         "on the float model that it was made from"});
  std::vector<std::string> names, multiplied;
  for (const auto& [name, tensor] : parameters_)
    names.push_back(name);
  for (const auto& [pattern, multiplier] : options_.rate_multipliers)
    multiplied.push_back(pattern);
  expect_all_used(options_.no_decay, names, "no_decay");
  expect_all_used(multiplied, names, "rate_multipliers");
  for (const std::string& name : names) {
    ParameterRule rule{name, 1, matches_any(options_.no_decay, name) ? 0 : options_.weight_decay};
    for (const auto& [pattern, multiplier] : options_.rate_multipliers)
      if (matches(pattern, name)) rule.rate_multiplier = multiplier;
    rules_.push_back(std::move(rule));
  }
  for (const std::string& slot : slot_names_) {
    const bool ones = slot == "mean_square" && options_.kind == OptimizerKind::rmsprop_tensorflow;
    std::vector<at::Tensor>& tensors = slots_.emplace_back();
    for (const auto& [name, tensor] : parameters_)
      tensors.push_back(ones ? at::ones_like(tensor.detach()) : at::zeros_like(tensor.detach()));
  }
}

void Optimizer::zero_gradients() {
  for (auto& [name, tensor] : parameters_)
    tensor.mutable_grad().reset();
}

double Optimizer::clip() {
  double squares = 0;
  for (const auto& [name, tensor] : parameters_)
    if (tensor.grad().defined()) squares += std::pow(tensor.grad().norm().item<double>(), 2);
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) return norm;
  const double factor = options_.clip_norm > 0 && norm > options_.clip_norm ? options_.clip_norm / norm : 1;
  for (auto& [name, tensor] : parameters_) {
    if (!tensor.grad().defined()) continue;
    if (factor < 1) tensor.mutable_grad().mul_(factor);
    if (options_.clip_value > 0) tensor.mutable_grad().clamp_(-options_.clip_value, options_.clip_value);
  }
  return norm;
}

double Optimizer::step(double rate) {
  const at::NoGradGuard no_gradients;
  const double norm = clip();
  if (!std::isfinite(norm)) return norm;
  ++steps_;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].second.grad().defined())
      update(i, parameters_[i].second.grad(), rate * rules_[i].rate_multiplier);
  return norm;
}

void Optimizer::update(size_t index, const at::Tensor& gradient, double rate) {
  at::Tensor& w = parameters_[index].second;
  const double decay = rules_[index].weight_decay;
  const bool decoupled = options_.kind == OptimizerKind::adamw;
  const at::Tensor g = decay != 0 && !decoupled ? gradient.add(w, decay) : gradient;
  const auto slot = [&](size_t i) -> at::Tensor& { return slots_[i][index]; };
  const bool has_momentum = options_.momentum > 0;
  switch (options_.kind) {
    case OptimizerKind::sgd: {
      if (!has_momentum) {
        w.add_(g, -rate);
        return;
      }
      slot(0).mul_(options_.momentum).add_(g);
      w.add_(options_.nesterov ? g.add(slot(0), options_.momentum) : slot(0), -rate);
      return;
    }
    case OptimizerKind::adam:
    case OptimizerKind::adamw: {
      if (decoupled) w.mul_(1 - rate * decay);
      slot(0).mul_(options_.beta1).add_(g, 1 - options_.beta1);
      slot(1).mul_(options_.beta2).addcmul_(g, g, 1 - options_.beta2);
      const double start1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
      const double start2 = 1 - std::pow(options_.beta2, static_cast<double>(steps_));
      const at::Tensor root = slot(1).sqrt().div_(std::sqrt(start2)).add_(options_.epsilon);
      w.addcdiv_(slot(0), root, -rate / start1);
      return;
    }
    case OptimizerKind::rmsprop: {
      slot(0).mul_(options_.alpha).addcmul_(g, g, 1 - options_.alpha);
      const at::Tensor root = slot(0).sqrt().add_(options_.epsilon);
      if (!has_momentum) {
        w.addcdiv_(g, root, -rate);
        return;
      }
      slot(1).mul_(options_.momentum).addcdiv_(g, root);
      w.add_(slot(1), -rate);
      return;
    }
    case OptimizerKind::rmsprop_tensorflow: {
      slot(0).mul_(options_.alpha).addcmul_(g, g, 1 - options_.alpha);
      const at::Tensor root = slot(0).add(options_.epsilon).sqrt_();
      if (!has_momentum) {
        w.addcdiv_(g, root, -rate);
        return;
      }
      slot(1).mul_(options_.momentum).addcdiv_(g, root, rate);
      w.sub_(slot(1));
      return;
    }
  }
}

Weights Optimizer::state() const {
  Weights result;
  result[steps_key] = Tensor::from<int64_t>({}, {steps_});
  for (size_t s = 0; s < slots_.size(); ++s)
    for (size_t i = 0; i < parameters_.size(); ++i)
      result[cat(parameters_[i].first, "/", slot_names_[s])] = from_torch(slots_[s][i]);
  return result;
}

void Optimizer::load_state(const Weights& state) {
  at::Tensor steps = at::zeros({}, at::kLong);
  NamedTensors targets = {{steps_key, steps}};
  for (size_t s = 0; s < slots_.size(); ++s)
    for (size_t i = 0; i < parameters_.size(); ++i)
      targets.emplace_back(cat(parameters_[i].first, "/", slot_names_[s]), slots_[s][i]);
  copy_by_name(state, targets, "optimizer state");
  steps_ = steps.item<int64_t>();
}

}  // namespace vitrail::train
