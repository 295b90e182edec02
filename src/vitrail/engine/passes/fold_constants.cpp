#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/graph/evaluate.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t most_elements = int64_t{1} << 20;  // of a result larger than what it is made from
constexpr int64_t most_products = int64_t{1} << 26;  // multiply-adds of a product of constants

bool all_constant(const Network& network, const Layer& layer) {
  return std::all_of(layer.inputs.begin(), layer.inputs.end(),
                     [&](ValueId id) { return id == no_value || network.is_constant(id); });
}

std::vector<Tensor> constants_of(const Network& network, const Layer& layer) {
  std::vector<Tensor> tensors;
  for (const ValueId id : layer.inputs)
    tensors.push_back(id == no_value ? Tensor() : network.value(id).constant);
  // Bound to shapes they no longer read their sizes.
  if (tensors.size() == 1 &&
      (std::holds_alternative<op::Reshape>(layer.op) || std::holds_alternative<op::Expand>(layer.op))) {
    const Shape& shape = network.shape(layer.output);
    tensors.push_back(Tensor::from<int64_t>({static_cast<int64_t>(shape.size())}, shape));
  }
  return tensors;
}

// Evaluation is plain and slow, and what is folded is kept: both are bounded.
bool worth_folding(const Layer& layer, const std::vector<Tensor>& inputs) {
  if (!can_evaluate(layer.op)) return false;
  if (!std::holds_alternative<op::MatMul>(layer.op) || inputs[1].shape().empty()) return true;
  return inputs[0].elements() <= most_products / std::max<int64_t>(inputs[1].shape().back(), 1);
}

// The layer's result, undefined where it is too large or cannot be computed: then it stays a layer, and says
// so when it runs.
Tensor folded(const Network& network, const Layer& layer) {
  if (const auto* constant = std::get_if<op::Constant>(&layer.op)) return constant->value;
  const std::vector<Tensor> inputs = constants_of(network, layer);
  if (!worth_folding(layer, inputs)) return {};
  int64_t read = 0;
  for (const Tensor& input : inputs)
    read += input.defined() ? input.elements() : 0;
  try {
    return evaluate(layer.op, inputs, std::max(most_elements, read));
  } catch (const Error&) {
    return {};
  }
}

// Of signed bytes without a zero point: what the constant was made of, for those who can compute with it.
std::shared_ptr<const QuantizedConstant> bytes_behind(const Network& network, const Layer& layer) {
  const auto* dequantize = std::get_if<op::DequantizeLinear>(&layer.op);
  if (dequantize == nullptr || dequantize->axis != 0) return nullptr;
  const std::vector<Tensor> inputs = constants_of(network, layer);
  const bool centred = inputs.size() < 3 || !inputs[2].defined() ||
                       std::all_of(inputs[2].raw(), inputs[2].raw() + inputs[2].bytes(),
                                   [](std::byte b) { return b == std::byte{0}; });
  if (!centred || inputs[0].type() != DataType::i8 || inputs[1].type() != DataType::f32) return nullptr;
  const auto scales = inputs[1].data<float>();
  return std::make_shared<QuantizedConstant>(
      QuantizedConstant{inputs[0], std::vector<float>(scales.begin(), scales.end())});
}

}  // namespace

void fold_constants(Network& network) {
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.residual != no_value || layer.activation.active() || !all_constant(network, layer)) continue;
    NetworkValue& result = network.value(layer.output);
    if (const Tensor tensor = folded(network, layer); tensor.defined()) {
      result.quantized = bytes_behind(network, layer);
      result.constant = tensor;
      result.shape = tensor.shape();
      dropped[i] = true;
    }
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
