// ONNX Runtime's own operators (domain "com.microsoft"), which its quantiser and its optimiser write.

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/shared_attributes.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Unary::Function;

// Inputs `first`, its scale and its zero point, as floats.
Operand dequantized(NodeImport& node, int first) {
  std::vector<Operand> inputs{node.operand(first), node.setting(first + 1)};
  if (node.has(first + 2)) inputs.push_back(node.setting(first + 2));
  return node.add(op::DequantizeLinear{}, std::move(inputs));
}

// The output's scale is input `scale`, its zero point the one after.
void emit_quantized(NodeImport& node, const Operand& x, int scale) {
  std::vector<Operand> inputs{x, node.setting(scale)};
  if (node.has(scale + 1)) inputs.push_back(node.setting(scale + 1));
  node.emit(op::QuantizeLinear{}, std::move(inputs));
}

void read_qlinear_add(NodeImport& node) {
  emit_quantized(node, Composing{node}.plus(dequantized(node, 0), dequantized(node, 3)), 6);
}
void read_qlinear_mul(NodeImport& node) {
  emit_quantized(node, Composing{node}.times(dequantized(node, 0), dequantized(node, 3)), 6);
}
void read_qlinear_sigmoid(NodeImport& node) {
  emit_quantized(node, node.add(op::Sigmoid{}, {dequantized(node, 0)}), 3);
}
void read_qlinear_leaky_relu(NodeImport& node) {
  const op::Unary leaky{.function = Function::leaky_relu, .alpha = node.real("alpha", 0.01)};
  emit_quantized(node, node.add(leaky, {dequantized(node, 0)}), 3);
}

void read_qlinear_concat(NodeImport& node) {
  if (node.attribute("axis") == nullptr) node.refuse("no axis", "it is needed");
  if ((node.count() - 2) % 3 != 0) node.refuse(cat(node.count(), " inputs"), "two, and three for each part");
  std::vector<Operand> parts;
  for (int i = 2; i < node.count(); i += 3)
    parts.push_back(dequantized(node, i));
  emit_quantized(node, node.add(op::Concat{.axis = node.axis("axis", 1)}, std::move(parts)), 0);
}

void expect_channels_first(const NodeImport& node) {
  node.expect_integer("channels_last", 0);
}

void read_qlinear_global_average_pool(NodeImport& node) {
  expect_channels_first(node);
  const Operand x = dequantized(node, 0);
  if (node.rank(x) != 4) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  emit_quantized(node, node.add(op::GlobalAveragePool{}, {x}), 3);
}

void read_qlinear_average_pool(NodeImport& node) {
  expect_channels_first(node);
  const Operand x = dequantized(node, 0);
  if (node.rank(x) != 4) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  auto pool = pool_of<op::AveragePool>(node);
  pool.count_include_pad = node.flag("count_include_pad", false);
  emit_quantized(node, node.add(pool, {x}), 3);
}

// The activation that a fused operator ends with, and what was given of its parameters.
Operand activated(NodeImport& node, const Operand& x, const std::vector<double>& given) {
  const std::string name = node.text("activation", "");
  const auto parameter = [&](size_t i, double otherwise) { return i < given.size() ? given[i] : otherwise; };
  if (name.empty()) return x;
  if (name == "Relu") return node.add(op::Relu{}, {x});
  if (name == "Sigmoid") return node.add(op::Sigmoid{}, {x});
  if (name == "Tanh") return node.add(op::Unary{.function = Function::tanh}, {x});
  if (name == "LeakyRelu")
    return node.add(op::Unary{.function = Function::leaky_relu, .alpha = parameter(0, 0.01)}, {x});
  if (name == "HardSigmoid")
    return node.add(
        op::Unary{.function = Function::hard_sigmoid, .alpha = parameter(0, 0.2), .beta = parameter(1, 0.5)},
        {x});
  if (name == "Clip" && given.size() == 2 && given[0] <= given[1])
    return node.add(op::Clip{.min = given[0], .max = given[1]}, {x});
  throw Unsupported{cat("the activation '", name, "'")};
}

// Conv, then the fourth input added, then an activation.
void read_fused_conv(NodeImport& node) {
  const op::Conv conv = conv_of(node);
  std::vector<Operand> inputs{node.operand(0), node.weight(1)};
  if (node.rank(inputs[0]) != 4) throw Unsupported{cat("a tensor of ", node.rank(inputs[0]), " dimensions")};
  if (node.has(2)) inputs.push_back(node.weight(2));
  Operand y = node.add(conv, std::move(inputs));
  if (node.has(3)) y = Composing{node}.plus(y, node.operand(3));
  node.define(activated(node, y, node.reals("activation_params")));
}

Operand swapped(NodeImport& node, const Operand& x, const char* flag) {
  if (!node.flag(flag, false)) return x;
  std::vector<int64_t> order;
  for (int64_t d = 0; d < node.rank(x); ++d)
    order.push_back(d);
  if (order.size() < 2) node.refuse(cat(flag, " of one dimension"), "at least two");
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return node.add(op::Transpose{.permutation = order}, {x});
}

void read_fused_mat_mul(NodeImport& node) {
  node.expect_integer("transBatchA", 0);
  node.expect_integer("transBatchB", 0);
  const Operand product = node.add(
      op::MatMul{}, {swapped(node, node.weight(0), "transA"), swapped(node, node.weight(1), "transB")});
  node.define(Composing{node}.scaled(product, node.real("alpha", 1)));
}

void read_fused_gemm(NodeImport& node) {
  const GemmParts parts = gemm_parts(node);
  Operand y = node.add(op::MatMul{}, {parts.a, parts.b});
  if (parts.c) y = Composing{node}.plus(y, *parts.c);
  std::vector<double> given;
  for (const char* parameter : {"activation_alpha", "activation_beta"})
    if (node.attribute(parameter) != nullptr) given.push_back(node.real(parameter, 0));
  node.define(activated(node, y, given));
}

Operand biased(NodeImport& node) {
  const Operand x = node.operand(0);
  return node.has(1) ? Composing{node}.plus(x, node.weight(1)) : x;
}
void read_gelu(NodeImport& node) {
  node.emit(op::Unary{.function = Function::gelu}, {node.operand(0)});
}
void read_bias_gelu(NodeImport& node) {
  node.emit(op::Unary{.function = Function::gelu}, {biased(node)});
}
void read_fast_gelu(NodeImport& node) {
  node.emit(op::Unary{.function = Function::gelu_tanh}, {biased(node)});
}

// x sigmoid(alpha x)
void read_quick_gelu(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const Operand steep = c.times(x, c.number(node.real("alpha", 1.702), x));
  node.define(c.times(x, node.add(op::Sigmoid{}, {steep})));
}

// The sum of two inputs and a bias, normalised over the last dimension.
void read_skip_layer_normalization(NodeImport& node) {
  const Composing c{node};
  Operand sum = c.plus(node.operand(0), node.operand(1));
  if (node.has(4)) sum = c.plus(sum, node.weight(4));
  std::vector<Operand> inputs{sum, node.weight(2)};
  if (node.has(3)) inputs.push_back(node.weight(3));
  node.emit(op::LayerNormalization{.axis = -1, .epsilon = node.real("epsilon", 1e-12)}, std::move(inputs));
  if (node.wants(3)) node.define(sum, 3);
}

constexpr OperatorReader kReaders[] = {
    {"BiasGelu", "", 2, 2, read_bias_gelu},
    {"FastGelu", "", 1, 2, read_fast_gelu},
    {"FusedConv", "kernel_shape strides pads auto_pad dilations group activation activation_params", 2, 4,
     read_fused_conv, "two dimensions of space"},
    {"FusedGemm", "alpha beta transA transB activation activation_alpha activation_beta activation_gamma", 2,
     3, read_fused_gemm},
    {"FusedMatMul", "alpha transA transB transBatchA transBatchB", 2, 2, read_fused_mat_mul},
    {"Gelu", "", 1, 1, read_gelu},
    {"QLinearAdd", "", 7, 8, read_qlinear_add},
    {"QLinearAveragePool", "kernel_shape strides pads auto_pad ceil_mode count_include_pad channels_last", 4,
     5, read_qlinear_average_pool, "two dimensions of space, channels first"},
    {"QLinearConcat", "axis", 5, kAnyNumber, read_qlinear_concat},
    {"QLinearGlobalAveragePool", "channels_last", 4, 5, read_qlinear_global_average_pool,
     "two dimensions of space, channels first"},
    {"QLinearLeakyRelu", "alpha", 4, 5, read_qlinear_leaky_relu},
    {"QLinearMul", "", 7, 8, read_qlinear_mul},
    {"QLinearSigmoid", "", 4, 5, read_qlinear_sigmoid},
    {"QuickGelu", "alpha", 1, 1, read_quick_gelu},
    {"SkipLayerNormalization", "epsilon", 3, 5, read_skip_layer_normalization},
};

}  // namespace

Readers contrib_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
