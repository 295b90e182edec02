// Operators on the bits of whole numbers, as arithmetic on 64-bit ones.

#include <cmath>
#include <limits>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Unary::Function;
using Pairwise = op::Binary::Function;

int64_t bits_of(DataType type) {
  if (type != DataType::u8 && type != DataType::i8 && type != DataType::i32 && type != DataType::i64)
    throw Unsupported{cat("the bits of ", name_of(type))};
  return 8 * size_of(type);
}

// Along a new last dimension, the lowest bit first; that of the sign is the last.
Operand taken_apart(const Composing& c, const Operand& x) {
  const bool is_signed = c.node.type(x) != DataType::u8;
  const int64_t places = bits_of(c.node.type(x)) - (is_signed ? 1 : 0);
  std::vector<int64_t> powers;
  for (int64_t i = 0; i < places; ++i)
    powers.push_back(int64_t{1} << i);
  const Operand wide = c.node.add(op::Unsqueeze{.axes = {-1}}, {c.cast(x, DataType::i64)});
  const Operand power = c.node.numbers(powers), two = c.node.numbers({2});
  // Without the remainder the quotient is rounded down, of negative numbers too.
  const Operand whole = c.minus(wide, c.binary(Pairwise::modulo, wide, power));
  const Operand bits = c.binary(Pairwise::modulo, c.divide(whole, power), two);
  if (!is_signed) return bits;
  const Operand negative = c.binary(Pairwise::less, wide, c.node.numbers({0}));
  return c.node.add(op::Concat{.axis = -1}, {bits, c.cast(negative, DataType::i64)});
}

void emit_joined(const Composing& c, const Operand& bits, DataType type) {
  const int64_t count = bits_of(type);
  std::vector<int64_t> powers;
  for (int64_t i = 0; i + 1 < count; ++i)
    powers.push_back(int64_t{1} << i);
  const int64_t last = count == 64 ? std::numeric_limits<int64_t>::min() : int64_t{1} << (count - 1);
  powers.push_back(type == DataType::u8 || last < 0 ? last : -last);
  const op::Reduce sum{.function = op::Reduce::Function::sum, .axes = {-1}, .keep_dims = false};
  const Operand joined = c.node.add(sum, {c.times(bits, c.node.numbers(powers))});
  c.node.emit(op::Cast{.to = type}, {joined});
}

// Of 0 and 1, "and" is the smaller, "or" the larger.
void read_both(NodeImport& node, Pairwise function) {
  const Composing c{node};
  const Operand a = node.operand(0), b = node.operand(1);
  emit_joined(c, c.binary(function, taken_apart(c, a), taken_apart(c, b)), node.type(a));
}
void read_and(NodeImport& node) {
  read_both(node, Pairwise::minimum);
}
void read_or(NodeImport& node) {
  read_both(node, Pairwise::maximum);
}
void read_xor(NodeImport& node) {
  const Composing c{node};
  const Operand a = node.operand(0), b = node.operand(1);
  emit_joined(c, c.unary(Function::abs, c.minus(taken_apart(c, a), taken_apart(c, b))), node.type(a));
}

void read_not(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  bits_of(node.type(x));
  node.emit(op::Binary{.function = Pairwise::subtract},
            {c.number(node.type(x) == DataType::u8 ? 255 : -1, x), x});
}

// The element type that the file itself says of input 0, or 0.
int32_t declared_type(NodeImport& node) {
  const onnx::GraphProto& graph = node.state().proto->graph();
  const std::string& name = node.proto().input(0);
  for (const auto* values : {&graph.input(), &graph.value_info()})
    for (const onnx::ValueInfoProto& value : *values)
      if (value.name() == name) return value.type().tensor_type().elem_type();
  for (const onnx::TensorProto& tensor : graph.initializer())
    if (tensor.name() == name) return tensor.data_type();
  return 0;
}

// Bits of the unsigned numbers that are shifted, which are held in wider ones.
int64_t places_of(NodeImport& node, const Operand& x) {
  if (node.type(x) == DataType::u8) return 8;
  if (node.type(x) == DataType::i32) return 16;
  const int32_t declared = declared_type(node);
  if (declared == onnx::TensorProto::UINT32) return 32;
  if (declared == onnx::TensorProto::UINT64) return 64;
  throw Unsupported{cat("a shift of ", name_of(node.type(x)), " whose bits the file does not tell")};
}

// The power of two by which a shift by i multiplies (of 64 bits, wrapping around), and those by which one
// divides in turn, for i from 0 to 64.
struct Powers {
  std::vector<int64_t> left, right, right_again;
};
Powers powers_up_to(int64_t places) {
  Powers powers;
  for (int64_t i = 0; i <= 64; ++i) {
    powers.left.push_back(i < places ? static_cast<int64_t>(uint64_t{1} << i) : 0);
    powers.right.push_back(int64_t{1} << i / 2);
    powers.right_again.push_back(int64_t{1} << (i - i / 2));
  }
  return powers;
}

void read_shift(NodeImport& node) {
  static constexpr EnumNames<bool, 2> kDirections{{{true, "LEFT"}, {false, "RIGHT"}}};
  const Composing c{node};
  const Operand x = node.operand(0);
  const bool left = node.choice(kDirections, "direction", true);
  if (node.attribute("direction") == nullptr) node.refuse("no direction", "LEFT or RIGHT");
  const int64_t places = places_of(node, x);
  const Powers powers = powers_up_to(places);
  const Operand by =
      c.binary(Pairwise::minimum, c.cast(node.operand(1), DataType::i64), node.scalar(64, DataType::i64));
  const auto power = [&](const std::vector<int64_t>& table) {
    return node.add(op::Gather{.axis = 0}, {node.numbers(table), by});
  };
  const Operand wide = c.cast(x, DataType::i64);
  Operand moved = left ? c.times(wide, power(powers.left))
                       : c.divide(c.divide(wide, power(powers.right)), power(powers.right_again));
  if (left && places < 64)
    moved = c.binary(Pairwise::modulo, moved,
                     node.scalar(std::ldexp(1.0, static_cast<int>(places)), DataType::i64));
  node.define(c.cast(moved, node.type(x)));
}

constexpr OperatorReader kReaders[] = {
    {"BitShift", "direction", 2, 2, read_shift, "of 32 and 64 bits where the file declares the type"},
    {"BitwiseAnd", "", 2, 2, read_and},
    {"BitwiseNot", "", 1, 1, read_not},
    {"BitwiseOr", "", 2, 2, read_or},
    {"BitwiseXor", "", 2, 2, read_xor},
};

}  // namespace

Readers bit_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
