// Shapes: what computes them and what changes them.

#include <algorithm>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/node_import.h"
#include "vitrail/onnx/python_slice.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

// The sizes of x as a list; a constant's and a list's own are numbers.
SizeList sizes_of(NodeImport& node, int i) {
  SizeList list;
  const FileValue& input = node.input(i);
  if (const auto* inner = std::get_if<SizeList>(&input)) {
    if (!inner->scalar) list.terms.push_back({.number = static_cast<int64_t>(inner->terms.size())});
    return list;
  }
  const Operand x = node.operand(i);
  const Shape shape = node.shape(x);
  const auto* value = std::get_if<Value>(&x);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (value != nullptr)
      list.terms.push_back({.of = *value, .axis = axis});
    else
      list.terms.push_back({.number = shape[axis]});
  }
  return list;
}

void read_shape(NodeImport& node) {
  SizeList list = sizes_of(node, 0);
  const auto rank = static_cast<int64_t>(list.terms.size());
  const int64_t first = clamped_bound(node.integer("start", 0, -kAny, kAny), rank);
  const int64_t last = std::max(first, clamped_bound(node.integer("end", rank, -kAny, kAny), rank));
  list.terms = {list.terms.begin() + first, list.terms.begin() + last};
  node.define(FileValue(std::move(list)));
}

void read_size(NodeImport& node) {
  const Operand sizes = node.sizes_operand(sizes_of(node, 0));
  node.emit(op::Reduce{.function = op::Reduce::Function::prod, .keep_dims = false}, {sizes});
}

// Sizes of x itself at the same place are 0 ("as it was"), and one other that is open is -1 ("what remains").
bool reshape_by_numbers(NodeImport& node, const Operand& x, const SizeList& sizes) {
  const auto* value = std::get_if<Value>(&x);
  std::vector<int64_t> numbers;
  bool has_rest = false;
  for (size_t i = 0; i < sizes.terms.size(); ++i) {
    const SizeTerm& term = sizes.terms[i];
    const std::optional<int64_t> number = node.known(term);
    const bool as_it_was = value != nullptr && term.of == *value && term.axis == i && term.number == 0;
    if (number && term.of.exists() && *number == 0) return false;
    if (number && !(as_it_was && *number != 0))
      numbers.push_back(*number);
    else if (as_it_was)
      numbers.push_back(0);
    else if (!std::exchange(has_rest, true))
      numbers.push_back(-1);
    else
      return false;
  }
  if (std::count(numbers.begin(), numbers.end(), -1) > 1) return false;
  node.emit(op::Reshape{}, {x, node.numbers(numbers)});
  return true;
}

void read_reshape(NodeImport& node) {
  const op::Reshape reshape{.allow_zero = node.flag("allowzero", false)};
  if (node.is_symbolic(0)) {  // a list of sizes stays one
    const std::vector<int64_t> sizes = node.size_list(1) ? node.known_sizes(1) : std::vector<int64_t>{0, 0};
    SizeList list = std::get<SizeList>(node.input(0));
    if (sizes == std::vector<int64_t>{-1} ||
        sizes == std::vector<int64_t>{static_cast<int64_t>(list.terms.size())}) {
      list.scalar = false;
      return node.define(FileValue(std::move(list)));
    }
  }
  const Operand x = node.operand(0);
  if (node.is_symbolic(1) && !reshape.allow_zero &&
      reshape_by_numbers(node, x, std::get<SizeList>(node.input(1))))
    return;
  node.emit(reshape, {x, node.operand(1)});
}

void read_flatten(NodeImport& node) {
  node.emit(op::Flatten{.axis = node.axis("axis", 1)}, {node.operand(0)});
}

// A list of one size loses or gains its only dimension.
bool read_size_dimension(NodeImport& node, bool to_scalar, const std::vector<int64_t>& axes) {
  if (!node.is_symbolic(0)) return false;
  SizeList list = std::get<SizeList>(node.input(0));
  const bool is_first = axes.empty() || axes == std::vector<int64_t>{0} || axes == std::vector<int64_t>{-1};
  if (list.terms.size() != 1 || list.scalar == to_scalar || !is_first) return false;
  list.scalar = to_scalar;
  node.define(FileValue(std::move(list)));
  return true;
}

void read_squeeze(NodeImport& node) {
  const std::vector<int64_t> axes = node.axes(13);
  if (!read_size_dimension(node, true, axes)) node.emit(op::Squeeze{.axes = axes}, {node.operand(0)});
}

void read_unsqueeze(NodeImport& node) {
  const std::vector<int64_t> axes = node.axes(13);
  if (axes.empty()) node.refuse("no axes", "they are needed");
  if (!read_size_dimension(node, false, axes)) node.emit(op::Unsqueeze{.axes = axes}, {node.operand(0)});
}

void read_transpose(NodeImport& node) {
  node.emit(op::Transpose{.permutation = node.integers("perm")}, {node.operand(0)});
}

void read_expand(NodeImport& node) {
  node.emit(op::Expand{}, {node.operand(0), node.operand(1)});
}
void read_tile(NodeImport& node) {
  node.emit(op::Tile{}, {node.operand(0), node.operand(1)});
}
void read_range(NodeImport& node) {
  node.emit(op::Range{}, {node.operand(0), node.operand(1), node.operand(2)});
}

void read_constant_of_shape(NodeImport& node) {
  op::ConstantOfShape fill{.value = Tensor::zeros(DataType::f32, {1})};
  if (const onnx::AttributeProto* value = node.attribute("value")) {
    if (!value->has_t()) node.refuse("value of another type", "a tensor");
    fill.value = computed_tensor(tensor_from_proto(value->t(), node.where()));
    if (!fill.value.defined()) throw Unsupported{"a value of a type that is not read"};
    if (fill.value.elements() != 1)
      node.refuse(cat("value of ", to_string(fill.value.shape())), "one number");
  }
  node.emit(fill, {node.operand(0)});
}

// Lists of sizes one after the other are one list.
bool read_size_concat(NodeImport& node) {
  bool any = false;
  SizeList all;
  const int64_t axis = node.axis("axis", 0);
  if (axis != 0 && axis != -1) return false;
  for (int i = 0; i < node.count(); ++i) {
    const std::optional<SizeList> list = node.size_list(i);
    if (!list || list->scalar || (i > 0 && list->type != all.type)) return false;
    any = any || node.is_symbolic(i);
    all.type = list->type;
    all.terms.insert(all.terms.end(), list->terms.begin(), list->terms.end());
  }
  if (!any || all.terms.size() > 64) return false;
  node.define(FileValue(std::move(all)));
  return true;
}

void read_concat(NodeImport& node) {
  if (node.attribute("axis") == nullptr) node.refuse("no axis", "it is needed");
  if (read_size_concat(node)) return;
  std::vector<Operand> inputs;
  for (int i = 0; i < node.count(); ++i)
    if (node.has(i) || node.count() == 1) inputs.push_back(node.operand(i));  // not constants of no elements
  if (inputs.empty()) inputs.push_back(node.operand(0));
  node.emit(op::Concat{.axis = node.axis("axis", 1)}, std::move(inputs));
}

Tensor tensor_of_constant(const NodeImport& node, const onnx::AttributeProto& attribute) {
  const std::string& name = attribute.name();
  if (name == "value" && attribute.type() == onnx::AttributeProto::TENSOR)
    return computed_tensor(tensor_from_proto(attribute.t(), node.where()));
  if (name == "value_int" && attribute.type() == onnx::AttributeProto::INT)
    return Tensor::from<int64_t>({}, std::vector<int64_t>{attribute.i()});
  if (name == "value_float" && attribute.type() == onnx::AttributeProto::FLOAT)
    return Tensor::from<float>({}, std::vector<float>{attribute.f()});
  if (name == "value_ints" && attribute.type() == onnx::AttributeProto::INTS)
    return Tensor::from<int64_t>({attribute.ints_size()},
                                 std::vector<int64_t>(attribute.ints().begin(), attribute.ints().end()));
  if (name == "value_floats" && attribute.type() == onnx::AttributeProto::FLOATS)
    return Tensor::from<float>({attribute.floats_size()},
                               std::vector<float>(attribute.floats().begin(), attribute.floats().end()));
  throw Unsupported{cat("the attribute '", printable(name), "'")};
}

void read_constant(NodeImport& node) {
  if (node.proto().attribute_size() != 1)
    node.refuse(cat(node.proto().attribute_size(), " values"), "exactly one is needed");
  const onnx::AttributeProto* value = node.attribute(node.proto().attribute(0).name());
  if (value == nullptr) throw Unsupported{"a value that the call of its function leaves out"};
  onnx::AttributeProto named = *value;
  named.set_name(node.proto().attribute(0).name());
  const std::string name = node.proto().output_size() > 0 ? node.proto().output(0) : "";
  node.define(FileValue(FileConstant{tensor_of_constant(node, named), cat(node.scope().prefix, name)}));
}

constexpr OperatorReader kReaders[] = {
    {"Concat", "axis", 1, kAnyNumber, read_concat},
    {"Constant", "value value_int value_ints value_float value_floats", 0, 0, read_constant},
    {"ConstantOfShape", "value", 1, 1, read_constant_of_shape},
    {"Expand", "", 2, 2, read_expand},
    {"Flatten", "axis", 1, 1, read_flatten},
    {"Range", "", 3, 3, read_range},
    {"Reshape", "allowzero", 2, 2, read_reshape},
    {"Shape", "start end", 1, 1, read_shape},
    {"Size", "", 1, 1, read_size},
    {"Squeeze", "axes", 1, 2, read_squeeze},
    {"Tile", "", 2, 2, read_tile},
    {"Transpose", "perm", 1, 1, read_transpose},
    {"Unsqueeze", "axes", 1, 2, read_unsqueeze},
};

}  // namespace

Readers shape_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
