// Constants and sizes on their way into the graph, and what is computed from constants at once.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/slices.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostCompared = 4096;    // bytes
constexpr int64_t kMostSizeElements = 64;  // of a float that takes part in the arithmetic of sizes

// Quantised weights stay what they are: the engine computes with them.
bool may_fold(const Op& op) {
  return !std::holds_alternative<op::QuantizeLinear>(op) &&
         !std::holds_alternative<op::DequantizeLinear>(op) && can_evaluate(op);
}

bool is_left_out(const Operand& operand) {
  const auto* value = std::get_if<Value>(&operand);
  return value != nullptr && !value->exists();
}

bool is_small(const Tensor& tensor) {
  return tensor.shape().size() <= 1 && tensor.elements() <= kMostSizeElements;
}

// Small tensors are known by what they hold, large ones by where they are.
std::string identity_of(const Tensor& tensor) {
  if (tensor.bytes() > kMostCompared) return cat("@", static_cast<const void*>(tensor.raw()));
  return std::string(reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes()));
}

template <class T>
Tensor filled(double value) {
  return Tensor::from<T>({}, std::vector<T>{static_cast<T>(value)});
}

}  // namespace

Shape NodeImport::shape(const Operand& operand) const {
  if (const auto* constant = std::get_if<FileConstant>(&operand)) return constant->tensor.shape();
  return graph().shape(std::get<Value>(operand));
}

DataType NodeImport::type(const Operand& operand) const {
  if (const auto* constant = std::get_if<FileConstant>(&operand)) return constant->tensor.type();
  return graph().type(std::get<Value>(operand));
}

Operand NodeImport::numbers(const std::vector<int64_t>& values) const {
  return FileConstant{Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values),
                      cat(name_, ".", join(values, "_"))};
}

Operand NodeImport::scalar(double value, DataType type) const {
  FileConstant made{{}, cat(name_, ".", value)};
  switch (type) {
    case DataType::i64: made.tensor = filled<int64_t>(value); break;
    case DataType::i32: made.tensor = filled<int32_t>(value); break;
    case DataType::u8: made.tensor = filled<uint8_t>(value); break;
    case DataType::i8: made.tensor = filled<int8_t>(value); break;
    case DataType::f32: made.tensor = filled<float>(value); break;
    default: throw Unsupported{cat("it computes with ", name_of(type))};
  }
  return made;
}

Operand NodeImport::sizes_operand(const SizeList& list) {
  const Op cast = op::Cast{.to = DataType::i32};
  const auto typed = [&](Operand made) {
    return list.type == DataType::i32 ? add(cast, {std::move(made)}) : made;
  };
  std::vector<int64_t> numbers_only;
  for (const SizeTerm& term : list.terms)
    if (const std::optional<int64_t> number = known(term)) numbers_only.push_back(*number);
  if (numbers_only.size() == list.terms.size()) {
    if (!list.scalar) return typed(numbers(numbers_only));
    return typed(FileConstant{Tensor::from<int64_t>({}, numbers_only), cat(name_, ".", numbers_only.at(0))});
  }
  std::vector<Operand> parts;
  for (const SizeTerm& term : list.terms) {
    if (const std::optional<int64_t> number = known(term)) {
      parts.push_back(numbers({*number}));
      continue;
    }
    const auto axis = static_cast<int64_t>(term.axis);
    Operand size = add(op::ShapeOf{.start = axis, .end = axis + 1}, {term.of});
    if (term.number != 0) size = add(op::Add{}, {size, numbers({term.number})});
    parts.push_back(std::move(size));
  }
  Operand joined = parts.size() == 1 ? parts[0] : add(op::Concat{.axis = 0}, parts);
  if (list.scalar) joined = add(op::Squeeze{.axes = {0}}, {joined});
  return typed(std::move(joined));
}

bool NodeImport::computes_sizes(const std::vector<Operand>& inputs) const {
  return std::all_of(inputs.begin(), inputs.end(), [&](const Operand& input) {
    if (const auto* constant = std::get_if<FileConstant>(&input)) return is_small(constant->tensor);
    const Value value = std::get<Value>(input);
    return !value.exists() || state_.sizes.contains(value.id);
  });
}

Value NodeImport::parameter_of(const FileConstant& constant) {
  if (constant.tensor.elements() == 0)
    refuse(cat("'", constant.name, "' is ", to_string(constant.tensor.shape())), "not empty");
  std::string name = constant.name;
  for (int number = 2;; ++number) {
    auto [found, is_new] = state_.parameters.try_emplace(name);
    Tensor& held = state_.model.weights[name];
    if (is_new) {
      const auto given = state_.roles.find(constant.name);
      found->second =
          state_.model.graph.parameter({.name = name,
                                        .shape = constant.tensor.shape(),
                                        .role = given == state_.roles.end() ? constant.role : given->second});
      held = constant.tensor;
    }
    if (held.raw() == constant.tensor.raw() && held.shape() == constant.tensor.shape()) return found->second;
    name = cat(constant.name, "_", number);
  }
}

Value NodeImport::constant_node_of(const FileConstant& constant) {
  const std::string key = cat(name_of(constant.tensor.type()), to_string(constant.tensor.shape()), ":",
                              identity_of(constant.tensor));
  auto [found, is_new] = state_.constants.try_emplace(key);
  if (is_new) {
    found->second = add_to_graph(op::Constant{.value = constant.tensor}, {}, unique_node_name(constant.name));
    if (is_small(constant.tensor)) state_.sizes.insert(found->second.id);
  }
  return found->second;
}

Value NodeImport::value_of(const Operand& operand) {
  if (const auto* value = std::get_if<Value>(&operand)) return *value;
  const auto& constant = std::get<FileConstant>(operand);
  const bool is_parameter = state_.has_parameters && constant.tensor.type() == DataType::f32 &&
                            !constant.is_number && constant.tensor.elements() > 0;
  return is_parameter ? parameter_of(constant) : constant_node_of(constant);
}

std::string NodeImport::unique_node_name(const std::string& wanted) {
  std::string name = wanted;
  for (int64_t& count = state_.name_counts.try_emplace(wanted, 1).first->second;
       !state_.node_names.insert(name).second;)
    name = cat(wanted, "_", ++count);
  return name;
}

Value NodeImport::add_to_graph(Op op, std::vector<Value> inputs, const std::string& name) {
  try {
    return state_.model.graph.add(std::move(op), std::move(inputs), name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unsupported) throw Unsupported{error.parts().found};
    ErrorParts parts = error.parts();
    parts.where = where();
    throw Error(error.kind(), parts);
  }
}

std::optional<Tensor> NodeImport::folded(const Op& op, const std::vector<Operand>& inputs) {
  const bool all_constant = std::all_of(inputs.begin(), inputs.end(), [](const Operand& input) {
    return std::holds_alternative<FileConstant>(input) || is_left_out(input);
  });
  if (!all_constant || inputs.empty() || !may_fold(op)) return std::nullopt;
  std::vector<Tensor> tensors;
  for (const Operand& input : inputs)
    tensors.push_back(is_left_out(input) ? Tensor() : std::get<FileConstant>(input).tensor);
  const int64_t left = std::max<int64_t>(0, state_.most_constant_bytes - state_.constant_bytes);
  try {
    Tensor result = evaluate(op, tensors, left / 8);
    state_.constant_bytes = checked_add(state_.constant_bytes, result.bytes(), where());
    return result;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unsupported) return std::nullopt;
    ErrorParts parts = error.parts();
    parts.where = where();
    throw Error(error.kind() == ErrorKind::limit ? ErrorKind::limit : ErrorKind::format, parts);
  }
}

Operand NodeImport::add(Op op, std::vector<Operand> inputs) {
  const std::string name = cat(name_, ".", type_name(op));
  return add_named(std::move(op), std::move(inputs), name);
}

Operand NodeImport::add_named(Op op, std::vector<Operand> inputs, const std::string& name) {
  if (std::optional<Tensor> result = folded(op, inputs)) {
    FileConstant made{std::move(*result), name};
    for (const Operand& input : inputs)  // a scaled weight still learns
      if (const auto* constant = std::get_if<FileConstant>(&input);
          constant != nullptr && constant->role != Role::constant)
        made.role = constant->role;
    return made;
  }
  if (std::optional<Operand> volume = computed_by_slices(*this, op, inputs, name)) return *volume;
  const bool of_sizes = std::holds_alternative<op::ShapeOf>(op) || computes_sizes(inputs);
  std::vector<Value> values;
  for (const Operand& input : inputs) {
    const auto* constant = std::get_if<FileConstant>(&input);
    values.push_back(constant != nullptr && of_sizes ? constant_node_of(*constant) : value_of(input));
  }
  const Value made = add_to_graph(std::move(op), std::move(values), unique_node_name(name));
  if (of_sizes) state_.sizes.insert(made.id);
  return made;
}

}  // namespace vitrail::onnx_files
