#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

// A constant that has one value for each column of the product and no more.
bool is_bias(const Network& network, ValueId id, const Shape& product) {
  if (!network.is_constant(id) || network.value(id).type != DataType::f32) return false;
  const Shape& shape = network.shape(id);
  return !shape.empty() && shape.back() == product.back() && element_count(shape) == product.back() &&
         shape.size() <= product.size();
}

bool is_product_of_floats(const Network& network, const Layer& layer) {
  return network.value(layer.output).type == DataType::f32 &&
         element_count(network.shape(layer.inputs[0])) > 0 &&
         element_count(network.shape(layer.inputs[1])) > 0;
}

void take(Layer& matmul, const Layer& layer) {
  matmul.fused.push_back(matmul.name);
  matmul.name = layer.name;
  matmul.output = layer.output;
}

std::optional<op::Unary> function_of(const Op& op) {
  if (std::holds_alternative<op::Relu>(op)) return op::Unary{op::Unary::Function::leaky_relu, 0, 0};
  const auto* unary = std::get_if<op::Unary>(&op);
  return unary != nullptr && is_fusible(*unary) ? std::optional(*unary) : std::nullopt;
}

bool takes_bias(const Network& network, const Layer& matmul, const Layer& add, ValueId other) {
  const Shape& product = network.shape(matmul.output);
  return matmul.inputs.size() == 2 && !matmul.function && product.size() >= 2 &&
         network.shape(matmul.inputs[1]).size() >= 2 && network.shape(add.output) == product &&
         is_bias(network, other, product);
}

}  // namespace

void fuse_matmul(Network& network) {
  const std::vector<int64_t> uses = use_counts(network);
  std::vector<int64_t> maker = producers(network);
  std::vector<bool> dropped(network.layers.size(), false);
  const auto product_of = [&](ValueId id) -> Layer* {
    const int64_t made = id == no_value ? -1 : maker[static_cast<size_t>(id)];
    if (made < 0 || uses[static_cast<size_t>(id)] != 1) return nullptr;
    Layer& layer = network.layers[static_cast<size_t>(made)];
    return std::holds_alternative<op::MatMul>(layer.op) && is_product_of_floats(network, layer) ? &layer
                                                                                                : nullptr;
  };
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    Layer* matmul = nullptr;
    if (std::holds_alternative<op::Add>(layer.op)) {
      for (const size_t side : {size_t{0}, size_t{1}})
        if (Layer* const product = product_of(layer.inputs[side]);
            product != nullptr && takes_bias(network, *product, layer, layer.inputs[1 - side])) {
          matmul = product;
          matmul->inputs.push_back(layer.inputs[1 - side]);
          break;
        }
    } else if (const auto function = function_of(layer.op)) {
      matmul = product_of(layer.inputs[0]);
      if (matmul != nullptr && matmul->function) matmul = nullptr;
      if (matmul != nullptr) matmul->function = function;
    }
    if (matmul == nullptr) continue;
    maker[static_cast<size_t>(layer.output)] = maker[static_cast<size_t>(matmul->output)];
    take(*matmul, layer);
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
