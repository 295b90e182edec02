#include <algorithm>

#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

std::optional<Activation> activation_of(const Op& op) {
  if (std::holds_alternative<op::Relu>(op)) return Activation{.low = 0};
  if (const auto* clip = std::get_if<op::Clip>(&op))
    return Activation{static_cast<float>(clip->min), static_cast<float>(clip->max)};
  return std::nullopt;
}

bool takes_activation(const Op& op) {
  return std::holds_alternative<op::Conv>(op) || std::holds_alternative<op::Add>(op) ||
         std::holds_alternative<op::Mul>(op) || std::holds_alternative<op::BatchNormalization>(op);
}

}  // namespace

void fuse_activation(Network& network) {
  const std::vector<int64_t> uses = use_counts(network);
  std::vector<int64_t> maker = producers(network);
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const std::optional<Activation> activation = activation_of(layer.op);
    if (!activation || layer.inputs[0] == no_value) continue;
    const auto input = static_cast<size_t>(layer.inputs[0]);
    if (maker[input] < 0 || uses[input] != 1) continue;
    Layer& before = network.layers[static_cast<size_t>(maker[input])];
    if (!takes_activation(before.op) || before.activation.active()) continue;
    before.activation = *activation;
    before.fused.push_back(before.name);
    before.name = layer.name;
    before.output = layer.output;
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
