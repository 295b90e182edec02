// Functions of single elements, arithmetic, comparisons and conversions.

#include <algorithm>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

using UnaryFunction = op::Unary::Function;
using BinaryFunction = op::Binary::Function;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class Plain>
void read_plain(NodeImport& node) {
  node.emit(Plain{}, {node.operand(0)});
}

template <UnaryFunction function>
void read_unary(NodeImport& node) {
  node.emit(op::Unary{.function = function}, {node.operand(0)});
}

// The defaults of alpha and of what follows it are ONNX's.
void emit_unary(NodeImport& node, UnaryFunction function, double alpha, double beta = 0,
                const char* beta_name = "beta") {
  node.emit(
      op::Unary{.function = function, .alpha = node.real("alpha", alpha), .beta = node.real(beta_name, beta)},
      {node.operand(0)});
}

void read_leaky_relu(NodeImport& node) {
  emit_unary(node, UnaryFunction::leaky_relu, 0.01);
}
void read_elu(NodeImport& node) {
  emit_unary(node, UnaryFunction::elu, 1);
}
void read_celu(NodeImport& node) {
  emit_unary(node, UnaryFunction::celu, 1);
}
void read_thresholded_relu(NodeImport& node) {
  emit_unary(node, UnaryFunction::thresholded_relu, 1);
}
void read_selu(NodeImport& node) {
  emit_unary(node, UnaryFunction::selu, 1.67326319217681884765625, 1.05070102214813232421875, "gamma");
}
void read_hard_sigmoid(NodeImport& node) {
  emit_unary(node, UnaryFunction::hard_sigmoid, 0.2, 0.5);
}

void read_gelu(NodeImport& node) {
  static constexpr EnumNames<UnaryFunction, 2> kKinds{
      {{UnaryFunction::gelu, "none"}, {UnaryFunction::gelu_tanh, "tanh"}}};
  node.emit(op::Unary{.function = node.choice(kKinds, "approximate", UnaryFunction::gelu)},
            {node.operand(0)});
}

// Sums and differences of sizes and numbers stay lists of sizes.
bool read_size_sum(NodeImport& node, int64_t sign) {
  if (!node.is_symbolic(0) && !node.is_symbolic(1)) return false;
  const std::optional<SizeList> a = node.size_list(0), b = node.size_list(1);
  if (!a || !b || a->type != b->type) return false;
  const size_t length = std::max(a->terms.size(), b->terms.size());
  if ((a->terms.size() != length && a->terms.size() != 1) ||
      (b->terms.size() != length && b->terms.size() != 1))
    return false;
  SizeList sum{.terms = {}, .scalar = a->scalar && b->scalar, .type = a->type};
  for (size_t i = 0; i < length; ++i) {
    SizeTerm left = a->terms[a->terms.size() == 1 ? 0 : i], right = b->terms[b->terms.size() == 1 ? 0 : i];
    if (right.of.exists() && sign > 0) std::swap(left, right);
    if (right.of.exists()) return false;
    left.number = checked_add(left.number, checked_mul(sign, right.number, node.where()), node.where());
    sum.terms.push_back(left);
  }
  node.define(FileValue(std::move(sum)));
  return true;
}

// Before operator set 7 b's dimensions were those of a from `axis` on, not always the last ones.
Operand second_operand(NodeImport& node) {
  const Operand b = node.operand(1);
  for (const char* old : {"broadcast", "axis"})
    if (node.opset() >= 7 && node.attribute(old) != nullptr)
      throw Unsupported{cat("the attribute '", old, "' after operator set 6")};
  if (node.opset() >= 7 || !node.flag("broadcast", false) || node.attribute("axis") == nullptr) return b;
  const int64_t rank = node.rank(node.operand(0)), given = node.axis("axis", 0);
  const int64_t first = given < 0 ? given + rank : given, behind = rank - first - node.rank(b);
  if (first < 0 || behind < 0)
    node.refuse(cat("axis ", given, " for ", node.rank(b), " dimensions"), cat("within ", rank));
  if (behind == 0) return b;
  op::Unsqueeze wider;
  for (int64_t i = 0; i < behind; ++i)
    wider.axes.push_back(node.rank(b) + i);
  return node.add(wider, {b});
}

void emit_of_two(NodeImport& node, const Op& op) {
  node.emit(op, {node.operand(0), second_operand(node)});
}

void read_add(NodeImport& node) {
  if (!read_size_sum(node, 1)) emit_of_two(node, op::Add{});
}
void read_sub(NodeImport& node) {
  if (!read_size_sum(node, -1)) emit_of_two(node, op::Binary{});
}
void read_mul(NodeImport& node) {
  emit_of_two(node, op::Mul{});
}

template <BinaryFunction function>
void read_binary(NodeImport& node) {
  emit_of_two(node, op::Binary{.function = function});
}

// The exponent may be of another type.
void read_pow(NodeImport& node) {
  const Operand base = node.operand(0);
  Operand exponent = second_operand(node);
  if (node.type(exponent) != node.type(base))
    exponent = node.add(op::Cast{.to = node.type(base)}, {exponent});
  node.emit(op::Binary{.function = BinaryFunction::power}, {base, exponent});
}

// Before operator set 7 a slope belonged to a channel.
void read_prelu(NodeImport& node) {
  const Operand x = node.operand(0);
  Operand slope = node.weight(1);
  const bool of_channels = node.opset() < 7 && node.shape(slope).size() == 1 && node.shape(slope)[0] != 1;
  op::Unsqueeze wider;
  for (int64_t d = 2; of_channels && d < node.rank(x); ++d)
    wider.axes.push_back(d - 1);
  if (!wider.axes.empty()) slope = node.add(wider, {slope});
  node.emit(op::Binary{.function = BinaryFunction::prelu}, {x, slope});
}

void read_mod(NodeImport& node) {
  const auto function = node.flag("fmod", false) ? BinaryFunction::remainder : BinaryFunction::modulo;
  node.emit(op::Binary{.function = function}, {node.operand(0), node.operand(1)});
}

// One operator after the other; of one input, the input.
void emit_chain(NodeImport& node, const Op& op) {
  Operand result = node.operand(0);
  if (node.count() == 1) return node.define(std::move(result));
  for (int i = 1; i + 1 < node.count(); ++i)
    result = node.add(op, {result, node.operand(i)});
  node.emit(op, {result, node.operand(node.count() - 1)});
}

void read_sum(NodeImport& node) {
  emit_chain(node, op::Add{});
}
void read_max(NodeImport& node) {
  emit_chain(node, op::Binary{.function = BinaryFunction::maximum});
}
void read_min(NodeImport& node) {
  emit_chain(node, op::Binary{.function = BinaryFunction::minimum});
}
void read_mean(NodeImport& node) {
  Operand sum = node.operand(0);
  for (int i = 1; i < node.count(); ++i)
    sum = node.add(op::Add{}, {sum, node.operand(i)});
  node.emit(op::Mul{}, {sum, node.scalar(1.0 / node.count())});
}

void emit_clip(NodeImport& node, double least, double most) {
  if (least > most) node.refuse(cat("min ", least, " and max ", most), "min is not above max");
  node.emit(op::Clip{.min = least, .max = most}, {node.operand(0)});
}

void read_clip(NodeImport& node) {
  if (node.opset() < 11) return emit_clip(node, node.real("min", -kInfinity), node.real("max", kInfinity));
  if (node.proto().attribute_size() > 0) throw Unsupported{"min and max are attributes"};
  const Operand x = node.operand(0);
  const auto is_known = [&](int i) { return !node.has(i) || node.known_tensor(i) != nullptr; };
  if (node.type(x) == DataType::f32 && is_known(1) && is_known(2))
    return emit_clip(node, node.number(1, -kInfinity), node.number(2, kInfinity));
  const op::Binary at_least{.function = BinaryFunction::maximum},
      at_most{.function = BinaryFunction::minimum};
  if (!node.has(1) && !node.has(2)) return node.define(x);
  if (!node.has(2)) return node.emit(at_least, {x, node.operand(1)});
  node.emit(at_most, {node.has(1) ? node.add(at_least, {x, node.operand(1)}) : x, node.operand(2)});
}

void read_where(NodeImport& node) {
  node.emit(op::Where{}, {node.operand(0), node.operand(1), node.operand(2)});
}

void emit_cast(NodeImport& node, DataType to) {
  if (node.is_symbolic(0) && (to == DataType::i64 || to == DataType::i32)) {
    SizeList list = std::get<SizeList>(node.input(0));
    list.type = to;
    return node.define(FileValue(std::move(list)));
  }
  const Operand x = node.operand(0);
  if (node.type(x) == to) return node.define(x);
  node.emit(op::Cast{.to = to}, {x});
}

// The least and the number of values of the types that are held in wider ones.
struct Narrow {
  int32_t type;  // ONNX's number
  int64_t least, count;
};
constexpr Narrow kNarrow[] = {{onnx::TensorProto::INT16, -(1 << 15), 1 << 16},
                              {onnx::TensorProto::UINT16, 0, 1 << 16},
                              {onnx::TensorProto::UINT32, 0, int64_t{1} << 32}};

// What the narrow type would hold of x: whole numbers wrap around, floats are cut off at its ends.
Operand narrowed(NodeImport& node, const Operand& x, const Narrow& narrow, DataType held) {
  const bool is_float = node.type(x) == DataType::f32;
  const Operand wide = node.add(op::Cast{.to = is_float ? held : DataType::i64}, {x});
  const DataType type = node.type(wide);
  const auto number = [&](int64_t value) { return node.scalar(static_cast<double>(value), type); };
  const auto binary = [&](BinaryFunction function, const Operand& a, const Operand& b) {
    return node.add(op::Binary{.function = function}, {a, b});
  };
  if (is_float)
    return binary(BinaryFunction::minimum, binary(BinaryFunction::maximum, wide, number(narrow.least)),
                  number(narrow.least + narrow.count - 1));
  const Operand within =
      binary(BinaryFunction::modulo, binary(BinaryFunction::subtract, wide, number(narrow.least)),
             number(narrow.count));
  return node.add(op::Cast{.to = held}, {node.add(op::Add{}, {within, number(narrow.least)})});
}

// Floats of any width are computed as f32, integers of 16 bits as i32, long unsigned ones as i64.
void read_cast(NodeImport& node) {
  const auto to = static_cast<int32_t>(node.integer("to", 0, 0, std::numeric_limits<int32_t>::max()));
  const std::optional<DataType> type = computed_type_of(to);
  if (!type) throw Unsupported{cat("a change to element type ", to)};
  const auto* narrow = std::find_if(std::begin(kNarrow), std::end(kNarrow),
                                    [&](const Narrow& each) { return each.type == to; });
  if (narrow == std::end(kNarrow) || node.is_symbolic(0)) return emit_cast(node, *type);
  const Operand x = node.operand(0);
  const bool is_wider = node.type(x) == DataType::f32 || node.type(x) == DataType::i32 ||
                        node.type(x) == DataType::i64 || node.type(x) == DataType::i8;
  if (!is_wider) return emit_cast(node, *type);
  node.define(narrowed(node, x, *narrow, *type));
}

void read_cast_like(NodeImport& node) {
  emit_cast(node, node.type(node.operand(1)));
}

void read_identity(NodeImport& node) {
  if (!std::holds_alternative<Value>(node.input(0))) return node.define(FileValue(node.input(0)));
  node.emit(op::Identity{}, {node.operand(0)});
}

constexpr OperatorReader kReaders[] = {
    {"Abs", "", 1, 1, read_unary<UnaryFunction::abs>},
    {"Add", "broadcast axis", 2, 2, read_add},
    {"And", "broadcast axis", 2, 2, read_binary<BinaryFunction::logical_and>},
    {"Cast", "to saturate", 1, 1, read_cast,
     "floats of any width are computed as 32-bit floats, 16-bit integers as 32-bit ones, and unsigned "
     "32- and 64-bit integers as signed 64-bit ones"},
    {"CastLike", "saturate", 2, 2, read_cast_like},
    {"Ceil", "", 1, 1, read_unary<UnaryFunction::ceil>},
    {"Celu", "alpha", 1, 1, read_celu},
    {"Clip", "min max", 1, 3, read_clip},
    {"Cos", "", 1, 1, read_unary<UnaryFunction::cos>},
    {"Div", "broadcast axis", 2, 2, read_binary<BinaryFunction::divide>},
    {"Elu", "alpha", 1, 1, read_elu},
    {"Equal", "broadcast axis", 2, 2, read_binary<BinaryFunction::equal>},
    {"Erf", "", 1, 1, read_unary<UnaryFunction::erf>},
    {"Exp", "", 1, 1, read_unary<UnaryFunction::exp>},
    {"Floor", "", 1, 1, read_unary<UnaryFunction::floor>},
    {"Gelu", "approximate", 1, 1, read_gelu},
    {"Greater", "broadcast axis", 2, 2, read_binary<BinaryFunction::greater>},
    {"GreaterOrEqual", "", 2, 2, read_binary<BinaryFunction::greater_or_equal>},
    {"HardSigmoid", "alpha beta", 1, 1, read_hard_sigmoid},
    {"HardSwish", "", 1, 1, read_unary<UnaryFunction::hard_swish>},
    {"Identity", "", 1, 1, read_identity},
    {"LeakyRelu", "alpha", 1, 1, read_leaky_relu},
    {"Less", "broadcast axis", 2, 2, read_binary<BinaryFunction::less>},
    {"LessOrEqual", "", 2, 2, read_binary<BinaryFunction::less_or_equal>},
    {"Log", "", 1, 1, read_unary<UnaryFunction::log>},
    {"Max", "", 1, kAnyNumber, read_max},
    {"Mean", "", 1, kAnyNumber, read_mean},
    {"Min", "", 1, kAnyNumber, read_min},
    {"Mish", "", 1, 1, read_unary<UnaryFunction::mish>},
    {"Mod", "fmod", 2, 2, read_mod},
    {"Mul", "broadcast axis", 2, 2, read_mul},
    {"Neg", "", 1, 1, read_unary<UnaryFunction::neg>},
    {"Not", "", 1, 1, read_unary<UnaryFunction::logical_not>},
    {"Or", "broadcast axis", 2, 2, read_binary<BinaryFunction::logical_or>},
    {"PRelu", "", 2, 2, read_prelu},
    {"Pow", "broadcast axis", 2, 2, read_pow},
    {"Reciprocal", "", 1, 1, read_unary<UnaryFunction::reciprocal>},
    {"Relu", "", 1, 1, read_plain<op::Relu>},
    {"Round", "", 1, 1, read_unary<UnaryFunction::round>},
    {"Selu", "alpha gamma", 1, 1, read_selu},
    {"Sigmoid", "", 1, 1, read_plain<op::Sigmoid>},
    {"Sign", "", 1, 1, read_unary<UnaryFunction::sign>},
    {"Sin", "", 1, 1, read_unary<UnaryFunction::sin>},
    {"Softplus", "", 1, 1, read_unary<UnaryFunction::softplus>},
    {"Softsign", "", 1, 1, read_unary<UnaryFunction::softsign>},
    {"Sqrt", "", 1, 1, read_unary<UnaryFunction::sqrt>},
    {"Sub", "broadcast axis", 2, 2, read_sub},
    {"Sum", "", 1, kAnyNumber, read_sum},
    {"Tanh", "", 1, 1, read_unary<UnaryFunction::tanh>},
    {"ThresholdedRelu", "alpha", 1, 1, read_thresholded_relu},
    {"Where", "", 3, 3, read_where},
    {"Xor", "broadcast axis", 2, 2, read_binary<BinaryFunction::logical_xor>},
};

}  // namespace

Readers elementwise_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
