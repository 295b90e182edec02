// Quantised tensors. The fused operators (QLinearConv and the like) become dequantised ones between the
// conversions, which is how the engine recognises them.

#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostGroups = 1 << 20;

void read_quantize_linear(NodeImport& node) {
  node.expect_integer("block_size", 0);
  node.expect_integer("output_dtype", 0);
  std::vector<Operand> inputs{node.operand(0), node.setting(1)};
  if (node.has(2)) inputs.push_back(node.setting(2));
  if (node.has(2) && node.type(inputs[2]) == DataType::i32) throw Unsupported{"a zero point of 16 bits"};
  node.emit(op::QuantizeLinear{.axis = node.axis("axis", 1)}, std::move(inputs));
}

void read_dequantize_linear(NodeImport& node) {
  node.expect_integer("block_size", 0);
  std::vector<Operand> inputs{node.operand(0), node.setting(1)};
  if (node.has(2)) inputs.push_back(node.setting(2));
  node.emit(op::DequantizeLinear{.axis = node.axis("axis", 1)}, std::move(inputs));
}

// Inputs `first`, its scale and its zero point, as floats.
Operand dequantized(NodeImport& node, int first, int64_t axis) {
  return node.add(op::DequantizeLinear{.axis = axis},
                  {node.operand(first), node.setting(first + 1), node.setting(first + 2)});
}

op::Conv conv_of(const NodeImport& node) {
  return {.strides = node.pair("strides", {1, 1}, 1),
          .pads = node.pads(),
          .dilations = node.pair("dilations", {1, 1}, 1),
          .group = node.integer("group", 1, 1, kMostGroups),
          .auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads)};
}

void read_qlinear_conv(NodeImport& node) {
  std::vector<Operand> inputs{dequantized(node, 0, 1), dequantized(node, 3, 0)};
  if (node.has(8)) {  // its scale is the product of the two
    const Operand scale = node.add(op::Mul{}, {node.setting(1), node.setting(4)});
    inputs.push_back(node.add(op::DequantizeLinear{.axis = 0}, {node.operand(8), scale}));
  }
  const Operand y = node.add(conv_of(node), std::move(inputs));
  node.emit(op::QuantizeLinear{}, {y, node.setting(6), node.setting(7)});
}

void read_qlinear_mat_mul(NodeImport& node) {
  const Operand y = node.add(op::MatMul{}, {dequantized(node, 0, -2), dequantized(node, 3, -1)});
  node.emit(op::QuantizeLinear{}, {y, node.setting(6), node.setting(7)});
}

// An input of integers less its zero point (input `zero`), as floats.
Operand centred(NodeImport& node, int input, int zero, const std::vector<int64_t>& zero_shape) {
  const op::Cast to_float{.to = DataType::f32};
  const Operand x = node.add(to_float, {node.operand(input)});
  if (!node.has(zero)) return x;
  Operand point = node.add(to_float, {node.setting(zero)});
  if (node.rank(point) == 1) point = node.add(op::Reshape{}, {point, node.numbers(zero_shape)});
  return node.add(op::Binary{}, {x, point});
}

void read_conv_integer(NodeImport& node) {
  const Operand x = centred(node, 0, 2, {-1}), weight = centred(node, 1, 3, {-1, 1, 1, 1});
  node.emit(op::Cast{.to = DataType::i32}, {node.add(conv_of(node), {x, weight})});
}

void read_mat_mul_integer(NodeImport& node) {
  const Operand a = centred(node, 0, 2, {-1, 1}), b = centred(node, 1, 3, {-1});
  node.emit(op::Cast{.to = DataType::i32}, {node.add(op::MatMul{}, {a, b})});
}

// The range of x, stretched to hold 0, over 0..255.
void read_dynamic_quantize_linear(NodeImport& node) {
  using Function = op::Binary::Function;
  const Operand x = node.operand(0), zero = node.scalar(0);
  const auto reduced = [&](op::Reduce::Function function) {
    return node.add(op::Reduce{.function = function, .axes = {}, .keep_dims = false}, {x});
  };
  const Operand high =
      node.add(op::Binary{.function = Function::maximum}, {reduced(op::Reduce::Function::max), zero});
  const Operand low =
      node.add(op::Binary{.function = Function::minimum}, {reduced(op::Reduce::Function::min), zero});
  const op::Binary divide{.function = Function::divide};
  const Operand range = node.add(op::Binary{}, {high, low});
  const Operand scale = node.add(divide, {range, node.scalar(255)});
  const Operand shift =
      node.add(op::Unary{.function = op::Unary::Function::neg}, {node.add(divide, {low, scale})});
  const Operand rounded = node.add(op::Unary{.function = op::Unary::Function::round}, {shift});
  const Operand point =
      node.add(op::Cast{.to = DataType::u8}, {node.add(op::Clip{.min = 0, .max = 255}, {rounded})});
  node.emit(op::QuantizeLinear{}, {x, scale, point});
  node.define(scale, 1);
  node.define(point, 2);
}

constexpr OperatorReader kReaders[] = {
    {"ConvInteger", "kernel_shape strides pads auto_pad dilations group", 2, 4, read_conv_integer,
     "two dimensions of space; computed in 32-bit floats"},
    {"DequantizeLinear", "axis block_size", 2, 3, read_dequantize_linear, "per tensor or per channel"},
    {"DynamicQuantizeLinear", "", 1, 1, read_dynamic_quantize_linear},
    {"MatMulInteger", "", 2, 4, read_mat_mul_integer, "computed in 32-bit floats"},
    {"QLinearConv", "kernel_shape strides pads auto_pad dilations group", 8, 9, read_qlinear_conv,
     "two dimensions of space"},
    {"QLinearMatMul", "", 8, 8, read_qlinear_mat_mul},
    {"QuantizeLinear", "axis saturate block_size output_dtype", 2, 3, read_quantize_linear,
     "per tensor or per channel, to 8 bits"},
};

}  // namespace

Readers quantization_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
