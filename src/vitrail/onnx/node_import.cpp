#include "vitrail/onnx/node_import.h"

#include <cmath>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostWindow = 1 << 20;  // of a kernel, stride, dilation or padding
constexpr int64_t kMostSizes = 64;        // numbers in a list of sizes

bool is_integer(DataType type) {
  return type == DataType::i64 || type == DataType::i32;
}

}  // namespace

std::string NodeImport::where() const {
  return cat(state_.source, ": node '", printable(proto_.name()), "' (", printable(proto_.op_type()), ")");
}

void NodeImport::refuse(const std::string& found, const std::string& allowed) const {
  throw Error(ErrorKind::format, {.where = where(), .found = found, .allowed = allowed});
}

const onnx::AttributeProto* NodeImport::attribute(std::string_view name) const {
  for (const onnx::AttributeProto& candidate : proto_.attribute())
    if (candidate.name() == name) return &candidate;
  return nullptr;
}

int64_t NodeImport::integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return otherwise;
  if (found->type() != onnx::AttributeProto::INT) refuse(cat(name, " of another type"), "an integer");
  if (found->i() < least || found->i() > most)
    refuse(cat(name, " ", found->i()), cat("it must lie in ", least, "..", most));
  return found->i();
}

double NodeImport::real(std::string_view name, double otherwise) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return otherwise;
  if (found->type() != onnx::AttributeProto::FLOAT) refuse(cat(name, " of another type"), "a float");
  if (!std::isfinite(found->f())) refuse(cat(name, " ", found->f()), "it must be finite");
  return found->f();
}

std::string NodeImport::text(std::string_view name) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return {};
  if (found->type() != onnx::AttributeProto::STRING) refuse(cat(name, " of another type"), "a string");
  return printable(found->s());
}

std::vector<int64_t> NodeImport::integers(std::string_view name) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return {};
  if (found->type() != onnx::AttributeProto::INTS)
    refuse(cat(name, " of another type"), "a list of integers");
  return {found->ints().begin(), found->ints().end()};
}

Pair NodeImport::pair(std::string_view name, Pair otherwise, int64_t least) const {
  if (attribute(name) == nullptr) return otherwise;
  const std::vector<int64_t> values = integers(name);
  if (values.size() != 2) throw Unsupported{cat(name, " for ", values.size(), " dimensions, not two")};
  for (const int64_t value : values)
    if (value < least || value > kMostWindow)
      refuse(cat(name, " ", value), cat("it must lie in ", least, "..", kMostWindow));
  return {values[0], values[1]};
}

Pads NodeImport::pads() const {
  const std::vector<int64_t> values = integers("pads");
  if (values.empty() || choice(kAutoPads, "auto_pad", AutoPad::explicit_pads) != AutoPad::explicit_pads)
    return {0, 0, 0, 0};
  if (values.size() != 4) throw Unsupported{cat("pads for ", values.size() / 2, " dimensions, not two")};
  for (const int64_t value : values)
    if (value < 0 || value > kMostWindow)
      refuse(cat("pads ", value), cat("they must lie in 0..", kMostWindow));
  return {values[0], values[1], values[2], values[3]};
}

void NodeImport::expect_integer(std::string_view name, int64_t only) const {
  constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
  const int64_t found = integer(name, only, -kAny, kAny);
  if (found != only) throw Unsupported{cat(name, " ", found)};
}

bool NodeImport::is_empty_constant(int i) const {
  const auto* tensor = std::get_if<Tensor>(&input(i));
  return tensor != nullptr && tensor->defined() && tensor->elements() == 0;
}

const FileValue& NodeImport::input(int i) const {
  const auto found = i < count() ? state_.values.find(proto_.input(i)) : state_.values.end();
  if (found == state_.values.end()) refuse(cat("input ", i, " is left out"), "it is needed");
  if (std::holds_alternative<NotRead>(found->second)) throw ReadsUnsupported{};
  return found->second;
}

Value NodeImport::tensor(int i, Role role) {
  const FileValue& value = input(i);
  if (const auto* computed = std::get_if<Value>(&value)) return *computed;
  if (std::holds_alternative<SizeTerms>(value))
    throw Unsupported{cat("input '", printable(proto_.input(i)), "' is computed from sizes")};
  return weight(i, role);
}

Value NodeImport::weight(int i, Role role) {
  const std::string& name = proto_.input(i);
  const Tensor& tensor = constant(i);
  if (!tensor.defined() || tensor.type() != DataType::f32)
    throw Unsupported{cat("'", printable(name), "' does not hold 32-bit floats")};
  if (tensor.elements() == 0)
    refuse(cat("'", printable(name), "' is ", to_string(tensor.shape())), "not empty");
  auto [found, is_new] = state_.parameters.try_emplace(name);
  if (is_new) {
    const auto given = state_.roles.find(name);
    found->second = state_.model.graph.parameter(
        {.name = name, .shape = tensor.shape(), .role = given == state_.roles.end() ? role : given->second});
    state_.model.weights[name] = tensor;
  }
  return found->second;
}

const Tensor& NodeImport::constant(int i) const {
  const auto* tensor = std::get_if<Tensor>(&input(i));
  if (tensor == nullptr)
    throw Unsupported{cat("input '", printable(proto_.input(i)), "' is computed, not a constant")};
  return *tensor;
}

double NodeImport::number(int i, double otherwise) const {
  if (!has(i)) return otherwise;
  const Tensor& tensor = constant(i);
  if (!tensor.defined() || tensor.type() != DataType::f32)
    throw Unsupported{cat("input ", i, " does not hold 32-bit floats")};
  if (tensor.elements() != 1)
    refuse(cat("input ", i, " is ", to_string(tensor.shape())), "one number is needed");
  if (std::isnan(tensor.data<float>()[0])) refuse(cat("input ", i, " is not a number"), "one is needed");
  return tensor.data<float>()[0];
}

bool NodeImport::is_size_list(int i) const {
  const FileValue& value = input(i);
  if (std::holds_alternative<SizeTerms>(value)) return true;
  const auto* tensor = std::get_if<Tensor>(&value);
  return tensor != nullptr && tensor->defined() && is_integer(tensor->type()) &&
         tensor->shape().size() <= 1 && tensor->elements() <= kMostSizes;
}

SizeTerms NodeImport::sizes(int i) const {
  if (!is_size_list(i))
    throw Unsupported{cat("input '", printable(proto_.input(i)), "' is not a list of sizes")};
  const FileValue& value = input(i);
  if (const auto* terms = std::get_if<SizeTerms>(&value)) return *terms;
  const auto& tensor = std::get<Tensor>(value);
  SizeTerms terms;
  for (size_t at = 0; at < static_cast<size_t>(tensor.elements()); ++at)
    terms.push_back({.number = tensor.type() == DataType::i64 ? tensor.data<int64_t>()[at]
                                                              : int64_t{tensor.data<int32_t>()[at]}});
  return terms;
}

std::optional<int64_t> NodeImport::known(const SizeTerm& term) const {
  if (!term.of.exists()) return term.number;
  const int64_t size = graph().shape(term.of).at(term.axis);
  if (size < 0) return std::nullopt;
  return checked_add(size, term.number, where());
}

std::vector<int64_t> NodeImport::known_sizes(int i) const {
  std::vector<int64_t> numbers;
  for (const SizeTerm& term : sizes(i)) {
    const std::optional<int64_t> number = known(term);
    if (!number)
      throw Unsupported{cat("input '", printable(proto_.input(i)), "' depends on the input's size")};
    numbers.push_back(*number);
  }
  return numbers;
}

void NodeImport::expect_one_output() const {
  if (proto_.output_size() == 0 || proto_.output(0).empty()) refuse("no output", "the first one is needed");
  for (int i = 1; i < proto_.output_size(); ++i)
    if (state_.read.contains(proto_.output(i)))
      throw Unsupported{cat("its output ", i, " ('", printable(proto_.output(i)), "') is read")};
}

void NodeImport::emit(Op op, std::vector<Value> inputs) {
  expect_one_output();
  const std::string wanted = proto_.name().empty() ? proto_.output(0) : proto_.name();
  std::string name = wanted;
  for (int number = 2; !state_.node_names.insert(name).second; ++number)
    name = cat(wanted, "_", number);
  try {
    state_.values[proto_.output(0)] = state_.model.graph.add(std::move(op), std::move(inputs), name);
  } catch (const Error& error) {
    ErrorParts parts = error.parts();
    parts.where = where();
    throw Error(error.kind(), parts);
  }
}

void NodeImport::define(FileValue value) {
  expect_one_output();
  if (const auto* terms = std::get_if<SizeTerms>(&value);
      terms != nullptr && terms->size() > static_cast<size_t>(kMostSizes))
    throw Unsupported{cat("a list of ", terms->size(), " sizes")};
  state_.values[proto_.output(0)] = std::move(value);
}

}  // namespace vitrail::onnx_files
