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
constexpr int64_t kMostAxis = 64;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

// One dimension of space is the lower of two.
std::optional<Pair> pair_of(const std::vector<int64_t>& values, int64_t upper) {
  if (values.size() == 1) return Pair{upper, values[0]};
  if (values.size() == 2) return Pair{values[0], values[1]};
  return std::nullopt;
}

}  // namespace

NodeImport::NodeImport(ImportState& state, Scope& scope, const onnx::NodeProto& proto)
    : state_(state), scope_(scope), proto_(proto) {
  if (!proto.name().empty())
    name_ = cat(scope.prefix, proto.name());
  else if (proto.output_size() > 0 && !proto.output(0).empty())
    name_ = cat(scope.prefix, proto.output(0));
  else
    name_ = cat(scope.prefix, proto.op_type());
}

std::string NodeImport::where() const {
  return cat(state_.source, ": node '", printable(name_), "' (", printable(proto_.op_type()), ")");
}

void NodeImport::refuse(const std::string& found, const std::string& allowed) const {
  throw Error(ErrorKind::format, {.where = where(), .found = found, .allowed = allowed});
}

const onnx::AttributeProto* NodeImport::attribute(std::string_view name) const {
  for (const onnx::AttributeProto& candidate : proto_.attribute()) {
    if (candidate.name() != name) continue;
    if (candidate.ref_attr_name().empty()) return &candidate;
    const auto argument = scope_.arguments.find(candidate.ref_attr_name());
    return argument == scope_.arguments.end() ? nullptr : &argument->second;
  }
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

int64_t NodeImport::axis(std::string_view name, int64_t otherwise) const {
  return integer(name, otherwise, -kMostAxis, kMostAxis);
}

double NodeImport::real(std::string_view name, double otherwise) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return otherwise;
  if (found->type() != onnx::AttributeProto::FLOAT) refuse(cat(name, " of another type"), "a float");
  if (!std::isfinite(found->f())) refuse(cat(name, " ", found->f()), "it must be finite");
  return found->f();
}

std::string NodeImport::text(std::string_view name, std::string_view otherwise) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return std::string(otherwise);
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

std::vector<double> NodeImport::reals(std::string_view name) const {
  const onnx::AttributeProto* found = attribute(name);
  if (found == nullptr) return {};
  if (found->type() != onnx::AttributeProto::FLOATS)
    refuse(cat(name, " of another type"), "a list of floats");
  return {found->floats().begin(), found->floats().end()};
}

Pair NodeImport::pair(std::string_view name, Pair otherwise, int64_t least) const {
  if (attribute(name) == nullptr) return otherwise;
  const std::vector<int64_t> values = integers(name);
  for (const int64_t value : values)
    if (value < least || value > kMostWindow)
      refuse(cat(name, " ", value), cat("it must lie in ", least, "..", kMostWindow));
  const std::optional<Pair> found = pair_of(values, otherwise[0]);
  if (!found) throw Unsupported{cat(name, " for ", values.size(), " dimensions, not two")};
  return *found;
}

Pads NodeImport::pads() const {
  const std::vector<int64_t> values = integers("pads");
  if (values.empty() || choice(kAutoPads, "auto_pad", AutoPad::explicit_pads) != AutoPad::explicit_pads)
    return {0, 0, 0, 0};
  if (values.size() != 4 && values.size() != 2)
    throw Unsupported{cat("pads for ", values.size() / 2, " dimensions, not two")};
  for (const int64_t value : values)
    if (value < 0 || value > kMostWindow)
      refuse(cat("pads ", value), cat("they must lie in 0..", kMostWindow));
  if (values.size() == 2) return {0, values[0], 0, values[1]};
  return {values[0], values[1], values[2], values[3]};
}

void NodeImport::expect_integer(std::string_view name, int64_t only) const {
  const int64_t found = integer(name, only, -kAny, kAny);
  if (found != only) throw Unsupported{cat(name, " ", found)};
}

bool NodeImport::has(int i) const {
  if (i >= count() || proto_.input(i).empty()) return false;
  const auto found = scope_.values.find(proto_.input(i));
  if (found == scope_.values.end()) return true;  // an error, told by who asks for it
  if (const auto* value = std::get_if<Value>(&found->second)) return value->exists();
  const auto* constant = std::get_if<FileConstant>(&found->second);
  return constant == nullptr || !constant->tensor.defined() || constant->tensor.elements() > 0;
}

const FileValue& NodeImport::input(int i) const {
  const auto found = i < count() ? scope_.values.find(proto_.input(i)) : scope_.values.end();
  if (found == scope_.values.end()) refuse(cat("input ", i, " is left out"), "it is needed");
  if (const auto* value = std::get_if<Value>(&found->second); value != nullptr && !value->exists())
    refuse(cat("input ", i, " is left out"), "it is needed");
  if (std::holds_alternative<NotRead>(found->second)) throw ReadsUnsupported{};
  return found->second;
}

Operand NodeImport::operand(int i) {
  const FileValue& value = input(i);
  const auto* constant = std::get_if<FileConstant>(&value);
  if (constant != nullptr && !constant->tensor.defined())
    throw Unsupported{cat("'", printable(proto_.input(i)), "' holds elements of a type that is not read")};
  return operand_of(value);
}

Operand NodeImport::operand_of(const FileValue& value) {
  if (std::holds_alternative<NotRead>(value)) throw ReadsUnsupported{};
  if (const auto* computed = std::get_if<Value>(&value)) return *computed;
  if (const auto* list = std::get_if<SizeList>(&value)) return sizes_operand(*list);
  const auto& constant = std::get<FileConstant>(value);
  if (!constant.tensor.defined()) throw Unsupported{"elements of a type that is not read"};
  return constant;
}

Operand NodeImport::optional_operand(int i) {
  return has(i) ? operand(i) : Operand(Value{});
}

Operand NodeImport::weight(int i, Role role) {
  Operand found = operand(i);
  if (auto* constant = std::get_if<FileConstant>(&found)) {
    const auto given = state_.roles.find(constant->name);
    constant->role = given == state_.roles.end() ? role : given->second;
  }
  return found;
}

Operand NodeImport::setting(int i) {
  Operand found = optional_operand(i);
  if (auto* constant = std::get_if<FileConstant>(&found)) constant->is_number = true;
  return found;
}

const Tensor* NodeImport::known_tensor(int i) {
  const FileValue& value = input(i);
  if (const auto* constant = std::get_if<FileConstant>(&value))
    return constant->tensor.defined() ? &constant->tensor : nullptr;
  return nullptr;
}

const Tensor& NodeImport::constant(int i) {
  const Tensor* tensor = known_tensor(i);
  if (tensor == nullptr)
    throw Unsupported{cat("input '", printable(proto_.input(i)), "' is computed, not a constant")};
  return *tensor;
}

double NodeImport::number(int i, double otherwise) {
  if (!has(i)) return otherwise;
  const Tensor& tensor = constant(i);
  if (tensor.elements() != 1)
    refuse(cat("input ", i, " is ", to_string(tensor.shape())), "one number is needed");
  const double value = tensor.to_f32().data<float>()[0];
  if (std::isnan(value)) refuse(cat("input ", i, " is not a number"), "one is needed");
  return value;
}

std::optional<SizeList> NodeImport::size_list(int i) const {
  const FileValue& value = input(i);
  if (const auto* list = std::get_if<SizeList>(&value)) return *list;
  const auto* constant = std::get_if<FileConstant>(&value);
  if (constant == nullptr || !constant->tensor.defined()) return std::nullopt;
  const Tensor& tensor = constant->tensor;
  if ((tensor.type() != DataType::i64 && tensor.type() != DataType::i32) || tensor.shape().size() > 1 ||
      tensor.elements() > kMostSizes)
    return std::nullopt;
  SizeList list{.terms = {}, .scalar = tensor.shape().empty(), .type = tensor.type()};
  for (size_t at = 0; at < static_cast<size_t>(tensor.elements()); ++at)
    list.terms.push_back({.number = tensor.type() == DataType::i64 ? tensor.data<int64_t>()[at]
                                                                   : int64_t{tensor.data<int32_t>()[at]}});
  return list;
}

std::optional<int64_t> NodeImport::known(const SizeTerm& term) const {
  if (!term.of.exists()) return term.number;
  const int64_t size = graph().shape(term.of).at(term.axis);
  if (size < 0) return std::nullopt;
  return checked_add(size, term.number, where());
}

std::vector<int64_t> NodeImport::known_sizes(int i) {
  std::optional<SizeList> list = size_list(i);
  if (!list) {
    const auto* value = std::get_if<Value>(&input(i));
    const Tensor content = value == nullptr ? Tensor() : graph().content(*value);
    if (content.defined() && content.type() == DataType::i64 && content.shape().size() <= 1)
      return {content.data<int64_t>().begin(), content.data<int64_t>().end()};
    throw Unsupported{cat("input '", printable(proto_.input(i)), "' is not a known list of sizes")};
  }
  std::vector<int64_t> numbers;
  for (const SizeTerm& term : list->terms) {
    const std::optional<int64_t> number = known(term);
    if (!number)
      throw Unsupported{cat("input '", printable(proto_.input(i)), "' depends on the input's size")};
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<int64_t> NodeImport::axes(int64_t since) {
  const std::vector<int64_t> found = opset() < since ? integers("axes")
                                     : has(1)        ? known_sizes(1)
                                                     : std::vector<int64_t>{};
  if (opset() >= since && attribute("axes") != nullptr) throw Unsupported{"axes are an attribute"};
  for (const int64_t axis : found)
    if (axis < -kMostAxis || axis > kMostAxis) refuse(cat("axis ", axis), cat(-kMostAxis, "..", kMostAxis));
  return found;
}

bool NodeImport::wants(int output) const {
  return output < proto_.output_size() && !proto_.output(output).empty() &&
         scope_.read.contains(proto_.output(output));
}

void NodeImport::expect_all_defined() const {
  for (int i = 0; i < proto_.output_size(); ++i)
    if (wants(i) && std::holds_alternative<NotRead>(scope_.values.at(proto_.output(i))))
      throw Unsupported{cat("its output ", i, " ('", printable(proto_.output(i)), "') is read")};
}

void NodeImport::emit(Op op, std::vector<Operand> inputs, int output) {
  if (output == 0 && (proto_.output_size() == 0 || proto_.output(0).empty()))
    refuse("no output", "the first one is needed");
  const std::string name = output == 0 ? name_ : cat(scope_.prefix, proto_.output(output));
  define(add_named(std::move(op), std::move(inputs), name), output);
}

void NodeImport::define(FileValue value, int output) {
  if (output >= proto_.output_size() || proto_.output(output).empty()) {
    if (output == 0) refuse("no output", "the first one is needed");
    return;
  }
  scope_.values[proto_.output(output)] = std::move(value);
}

void NodeImport::define(Operand value, int output) {
  std::visit([&](auto& held) { define(FileValue(std::move(held)), output); }, value);
}

}  // namespace vitrail::onnx_files
