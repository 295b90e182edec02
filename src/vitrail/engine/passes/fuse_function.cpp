#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

// Only oneDNN's convolution computes functions; our own kernels, which know clamps alone, are worth more than
// a pass over the result where they run (1x1 among them).
bool takes_function(const Network& network, const Layer& layer) {
  if (!std::holds_alternative<op::Conv>(layer.op) || layer.winograd || !layer.strip.empty() ||
      !layer.enlarged.empty() || layer.activation.active() || layer.function || layer.bytes)
    return false;
  const Shape& weight = network.shape(layer.inputs[1]);
  return weight[2] > 1 || weight[3] > 1;
}

}  // namespace

bool is_fusible(const op::Unary& unary) {
  using F = op::Unary::Function;
  switch (unary.function) {
    case F::gelu:
    case F::gelu_tanh:
    case F::tanh:
    case F::swish:
    case F::hard_swish:
    case F::hard_sigmoid:
    case F::leaky_relu:
    case F::elu: return true;
    default: return false;
  }
}

void fuse_function(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto* unary = std::get_if<op::Unary>(&layer.op);
    if (unary == nullptr || !is_fusible(*unary)) continue;
    const auto input = static_cast<size_t>(layer.inputs[0]);
    if (maker[input] < 0 || uses[input] != 1) continue;
    Layer& before = network.layers[static_cast<size_t>(maker[input])];
    if (!takes_function(network, before)) continue;
    before.function = *unary;
    before.fused.push_back(before.name);
    before.name = layer.name;
    before.output = layer.output;
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
