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
  join_to_makers(network, [](Layer& before, const Layer& layer) {
    const std::optional<Activation> activation = activation_of(layer.op);
    if (!activation || !takes_activation(before.op) || before.activation.active()) return false;
    before.activation = *activation;
    return true;
  });
}

}  // namespace vitrail::engine_detail
