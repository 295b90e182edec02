#include "vitrail/train/ema.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

constexpr const char* updates_key = "ema.updates";

}  // namespace

Ema::Ema(const Module& module, EmaOptions options) : options_(options) {
  if (!(options_.decay >= 0 && options_.decay < 1))
    throw Error(ErrorKind::usage,
                {.where = "ema", .found = cat("decay is ", options_.decay), .allowed = "a number in [0, 1)"});
  for (const auto& [name, tensor] : module.tensors())
    averages_.emplace_back(name, tensor.detach().clone());
}

void Ema::update(const Module& module) {
  const at::NoGradGuard no_gradients;
  const auto t = static_cast<double>(++updates_);
  const double decay = options_.warm_up ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
  const NamedTensors present = module.tensors();
  const std::vector<Parameter>& parameters = module.graph().parameters();
  for (size_t i = 0; i < averages_.size(); ++i) {
    at::Tensor& average = averages_[i].second;
    const bool averaged = average.is_floating_point() && parameters[i].role != Role::constant &&
                          (parameters[i].role == Role::learnable || options_.average_statistics);
    if (averaged)
      average.lerp_(present[i].second, 1 - decay);
    else
      average.copy_(present[i].second);
  }
}

Weights Ema::weights() const {
  return to_host(averages_);
}

Weights Ema::state() const {
  Weights result = weights();
  result[updates_key] = Tensor::from<int64_t>({}, {updates_});
  return result;
}

void Ema::load_state(const Weights& state) {
  at::Tensor updates = at::zeros({}, at::kLong);
  NamedTensors targets = averages_;
  targets.emplace_back(updates_key, updates);
  copy_by_name(state, targets, "ema state");
  updates_ = updates.item<int64_t>();
}

}  // namespace vitrail::train
