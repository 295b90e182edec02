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
  join_to_makers(network, [&](Layer& before, const Layer& layer) {
    const auto* unary = std::get_if<op::Unary>(&layer.op);
    if (unary == nullptr || !is_fusible(*unary) || !takes_function(network, before)) return false;
    before.function = *unary;
    return true;
  });
}

}  // namespace vitrail::engine_detail
