#include "vitrail/onnx/checked_proto.h"

#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/base/utf8.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/onnx/operators.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kLeastIr = 3, kMostIr = 13;
constexpr int64_t kLeastOpset = kLeastOnnxOpset, kMostOpset = kMostOnnxOpset;

[[noreturn]] void refuse(const std::string& where, const std::string& found, const std::string& allowed = "",
                         ErrorKind kind = ErrorKind::format) {
  throw Error(kind, {.where = where, .found = found, .allowed = allowed});
}

// Every name that takes part in the graph: a value's, a node's. Names reach messages, JSON and HTML; all of
// these are UTF-8.
void expect_plain(const std::string& source, const std::string& name) {
  if (!is_utf8(name)) refuse(source, "a name that is no UTF-8 text", "names are UTF-8");
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      refuse(source, cat("the name '", printable(name), "'"), "names hold no control characters");
}

void check_versions(const onnx::ModelProto& model, const std::string& source) {
  if (model.ir_version() < kLeastIr || model.ir_version() > kMostIr)
    refuse(source, cat("ONNX IR version ", model.ir_version()), cat(kLeastIr, "..", kMostIr, " are read"),
           ErrorKind::unsupported);
  int defaults = 0;
  for (const onnx::OperatorSetIdProto& opset : model.opset_import())
    if (is_default(opset.domain())) ++defaults;
  if (defaults != 1) refuse(source, cat(defaults, " default operator sets"), "exactly one is needed");
  const int64_t opset = opset_of(model);
  if (opset < kLeastOpset || opset > kMostOpset)
    refuse(source, cat("operator set ", opset), cat(kLeastOpset, "..", kMostOpset, " are read"),
           ErrorKind::unsupported);
}

// Values are made once and before they are read: an order in which a plain loop runs the graph.
class ValueOrder {
 public:
  explicit ValueOrder(const std::string& source, const ValueOrder* outer = nullptr)
      : source_(source), outer_(outer) {}

  void make(const std::string& name, std::string_view what) {
    expect_plain(source_, name);
    if (name.empty()) refuse(source_, cat(what, " without a name"));
    if (has(name) || !made_.insert(name).second)
      refuse(source_, cat("the value '", printable(name), "' is made twice"), "each value is made once");
  }

  void read(const std::string& name, const std::string& by) {
    if (!has(name))
      refuse(source_, cat(by, " reads '", printable(name), "', which nothing before it makes"),
             "nodes come after what they read");
  }

  bool has(const std::string& name) const {
    return made_.contains(name) || (outer_ != nullptr && outer_->has(name));
  }

 private:
  const std::string& source_;
  const ValueOrder* outer_;  // of the graph around a branch
  std::set<std::string> made_;
};

void check_graph(const onnx::GraphProto& graph, const std::string& source, const ValueOrder* outer);

void check_attribute(const onnx::AttributeProto& attribute, const std::string& by, bool in_function,
                     const std::string& source, const ValueOrder& values) {
  if (!attribute.ref_attr_name().empty() && !in_function)
    refuse(source, cat(by, " refers to an attribute of a function"), "", ErrorKind::unsupported);
  if (attribute.graphs_size() > 0)
    refuse(source, cat(by, " holds a list of graphs"), "single branches are read", ErrorKind::unsupported);
  if (attribute.has_g()) check_graph(attribute.g(), source, &values);
}

void check_node(const onnx::NodeProto& node, const std::string& source, ValueOrder& values,
                bool in_function = false) {
  expect_plain(source, node.name());
  expect_plain(source, node.op_type());
  const std::string by = cat("node '", printable(node.name()), "' (", printable(node.op_type()), ")");
  for (const std::string& input : node.input())
    if (!input.empty()) values.read(input, by);
  std::set<std::string> attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (!attributes.insert(attribute.name()).second)
      refuse(source, cat(by, " has the attribute '", printable(attribute.name()), "' twice"));
    check_attribute(attribute, by, in_function, source, values);
  }
  for (const std::string& output : node.output())
    if (!output.empty()) values.make(output, by);
}

void check_graph(const onnx::GraphProto& graph, const std::string& source, const ValueOrder* outer) {
  if (graph.node_size() > kMostNodes)
    refuse(source, cat(graph.node_size(), " nodes"), cat("at most ", kMostNodes, " are read"),
           ErrorKind::limit);
  if (graph.sparse_initializer_size() > 0)
    refuse(source, "sparse initialisers", "dense ones are read", ErrorKind::unsupported);
  ValueOrder values(source, outer);
  for (const onnx::TensorProto& initializer : graph.initializer())
    values.make(initializer.name(), "initialiser");
  for (const onnx::ValueInfoProto& input : graph.input())
    if (!values.has(input.name()))
      values.make(input.name(),
                  "input");  // before IR 4, initialisers are inputs too
  for (const onnx::NodeProto& node : graph.node())
    check_node(node, source, values);
  for (const onnx::ValueInfoProto& output : graph.output())
    values.read(output.name(), "the list of outputs");
  if (graph.output_size() == 0) refuse(source, "a graph without outputs", "at least one is needed");
}

void check_function(const onnx::FunctionProto& function, const std::string& source) {
  const std::string where = cat(source, ": function '", printable(function.name()), "'");
  if (function.node_size() > kMostNodes)
    refuse(where, cat(function.node_size(), " nodes"), cat("at most ", kMostNodes, " are read"),
           ErrorKind::limit);
  ValueOrder values(where);
  for (const std::string& input : function.input())
    values.make(input, "input");
  for (const onnx::NodeProto& node : function.node())
    check_node(node, where, values, true);
  for (const std::string& output : function.output())
    values.read(output, "the list of outputs");
  for (const onnx::OperatorSetIdProto& opset : function.opset_import())
    if (is_default(opset.domain()) && (opset.version() < kLeastOpset || opset.version() > kMostOpset))
      refuse(where, cat("operator set ", opset.version()), cat(kLeastOpset, "..", kMostOpset, " are read"),
             ErrorKind::unsupported);
}

bool is_long_unsigned(int32_t type) {
  return type == onnx::TensorProto::UINT32 || type == onnx::TensorProto::UINT64;
}

// Values of the narrow types, which messages hold as 32-bit integers.
template <class T>
void copy_narrow(const onnx::TensorProto& proto, Tensor& tensor, const std::string& where) {
  if (proto.int32_data_size() != tensor.elements())
    refuse(where, cat(proto.int32_data_size(), " values for a tensor of ", to_string(tensor.shape())));
  auto* values = reinterpret_cast<T*>(tensor.raw());
  for (int i = 0; i < proto.int32_data_size(); ++i)
    values[i] = static_cast<T>(proto.int32_data(i));
}

}  // namespace

bool is_default(std::string_view domain) {
  return domain.empty() || domain == "ai.onnx";
}

DataType computed_type(DataType stored) {
  const bool is_float = stored == DataType::f16 || stored == DataType::bf16 || stored == DataType::f64;
  const bool is_short = stored == DataType::i16 || stored == DataType::u16;
  return is_float ? DataType::f32 : is_short ? DataType::i32 : stored;
}

std::optional<DataType> computed_type_of(int32_t type) {
  if (is_long_unsigned(type)) return DataType::i64;
  const std::optional<DataType> stored = data_type_of(type);
  return stored ? std::optional(computed_type(*stored)) : std::nullopt;
}

Tensor computed_tensor(Tensor tensor) {
  if (!tensor.defined() || computed_type(tensor.type()) == tensor.type()) return tensor;
  if (computed_type(tensor.type()) == DataType::f32) return tensor.to_f32();
  return evaluate(op::Cast{.to = computed_type(tensor.type())}, std::span(&tensor, 1), tensor.elements());
}

std::optional<DataType> data_type_of(int32_t type) {
  switch (type) {
    case onnx::TensorProto::FLOAT: return DataType::f32;
    case onnx::TensorProto::FLOAT16: return DataType::f16;
    case onnx::TensorProto::BFLOAT16: return DataType::bf16;
    case onnx::TensorProto::DOUBLE: return DataType::f64;
    case onnx::TensorProto::INT64: return DataType::i64;
    case onnx::TensorProto::INT32: return DataType::i32;
    case onnx::TensorProto::UINT8: return DataType::u8;
    case onnx::TensorProto::INT8: return DataType::i8;
    case onnx::TensorProto::INT16: return DataType::i16;
    case onnx::TensorProto::UINT16: return DataType::u16;
    case onnx::TensorProto::BOOL: return DataType::boolean;
    default: return std::nullopt;
  }
}

std::optional<int64_t> stored_size(int32_t type) {
  if (is_long_unsigned(type)) return type == onnx::TensorProto::UINT32 ? 4 : 8;
  const std::optional<DataType> stored = data_type_of(type);
  return stored ? std::optional(size_of(*stored)) : std::nullopt;
}

namespace {

// Values in the message's typed lists instead of raw bytes; only the types whose list holds them as they are.
template <class T, class List>
void copy_list(const List& list, Tensor& tensor, const std::string& where) {
  if (list.size() != tensor.elements())
    refuse(where, cat(list.size(), " values for a tensor of ", to_string(tensor.shape())));
  if (!list.empty()) std::memcpy(tensor.raw(), list.data(), static_cast<size_t>(list.size()) * sizeof(T));
}

bool copy_typed_values(const onnx::TensorProto& proto, Tensor& tensor, const std::string& where) {
  switch (tensor.type()) {
    case DataType::f32: copy_list<float>(proto.float_data(), tensor, where); return true;
    case DataType::i64: copy_list<int64_t>(proto.int64_data(), tensor, where); return true;
    case DataType::i32: copy_list<int32_t>(proto.int32_data(), tensor, where); return true;
    case DataType::f64: copy_list<double>(proto.double_data(), tensor, where); return true;
    case DataType::f16:
    case DataType::bf16: copy_narrow<uint16_t>(proto, tensor, where); return true;
    case DataType::u8: copy_narrow<uint8_t>(proto, tensor, where); return true;
    case DataType::i8: copy_narrow<int8_t>(proto, tensor, where); return true;
    case DataType::i16: copy_narrow<int16_t>(proto, tensor, where); return true;
    case DataType::u16: copy_narrow<uint16_t>(proto, tensor, where); return true;
    case DataType::boolean: copy_narrow<bool>(proto, tensor, where); return true;
    default: return false;
  }
}

// Nothing is allocated for a size that the message does not hold.
int64_t checked_elements(const onnx::TensorProto& proto, const Shape& shape, int64_t width,
                         const std::string& where) {
  const int64_t elements = checked_product(shape, where);
  const int64_t bytes = checked_mul(elements, width, where);
  const auto raw = static_cast<int64_t>(proto.raw_data().size());
  if (proto.has_raw_data() && raw != bytes)
    refuse(where, cat(raw, " bytes for a tensor of ", to_string(shape), ", ", width, " each"),
           cat(bytes, " are needed"));
  const int64_t listed = int64_t{proto.float_data_size()} + proto.int64_data_size() +
                         proto.int32_data_size() + proto.double_data_size() + proto.uint64_data_size();
  if (!proto.has_raw_data() && listed != elements)
    refuse(where, cat(listed, " values for a tensor of ", to_string(shape)), cat(elements, " are needed"));
  return elements;
}

// Unsigned numbers of 32 or 64 bits as i64.
Tensor tensor_of_long_unsigned(const onnx::TensorProto& proto, const std::string& where) {
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const auto width = static_cast<size_t>(*stored_size(proto.data_type()));
  const int64_t elements = checked_elements(proto, shape, static_cast<int64_t>(width), where);
  if (!proto.has_raw_data() && proto.uint64_data_size() != elements)
    refuse(where, cat(proto.uint64_data_size(), " values for a tensor of ", to_string(shape)));
  Tensor tensor = Tensor::empty(DataType::i64, shape);
  for (int64_t i = 0; i < elements; ++i) {
    uint64_t value = 0;  // its low bytes come first
    if (proto.has_raw_data())
      std::memcpy(&value, proto.raw_data().data() + static_cast<size_t>(i) * width, width);
    else
      value = proto.uint64_data(static_cast<int>(i));
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      refuse(where, cat("the number ", value), "those below 2^63 are read", ErrorKind::unsupported);
    tensor.data<int64_t>()[static_cast<size_t>(i)] = static_cast<int64_t>(value);
  }
  return tensor;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string safe(text.substr(0, 100));
  const bool is_text = text.size() <= 100 && is_utf8(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f ||
        (!is_text && static_cast<unsigned char>(c) > 0x7f))
      c = '?';
  return text.size() > 100 ? safe + "..." : safe;
}

onnx::ModelProto parse_model(std::string_view bytes, const std::string& source) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    refuse(source, cat(bytes.size(), " bytes"), "one ONNX file holds less than 2 GiB", ErrorKind::limit);
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    refuse(source, "the bytes are no ONNX model: truncated, damaged or of another format",
           "a protobuf message of the type onnx.ModelProto is needed");
  if (bytes.empty()) refuse(source, "an empty file", "an ONNX model holds a graph");
  if (!model.has_graph()) refuse(source, "no graph", "an ONNX model holds one");
  check_versions(model, source);
  check_graph(model.graph(), source, nullptr);
  for (const onnx::FunctionProto& function : model.functions())
    check_function(function, source);
  return model;
}

int64_t opset_of(const onnx::ModelProto& model) {
  for (const onnx::OperatorSetIdProto& opset : model.opset_import())
    if (is_default(opset.domain())) return opset.version();
  return 0;
}

Tensor tensor_from_proto(const onnx::TensorProto& proto, const std::string& where) {
  if (proto.data_location() == onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0)
    throw Error(ErrorKind::unsupported,
                {.where = where,
                 .found = "its values are in another file",
                 .allowed = "values of a model that is read by its path, or inside it",
                 .next = "Read the model by its path, or save it as one file"});
  if (is_long_unsigned(proto.data_type())) return tensor_of_long_unsigned(proto, where);
  const std::optional<DataType> type = data_type_of(proto.data_type());
  if (!type) return {};
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const int64_t bytes = checked_elements(proto, shape, size_of(*type), where) * size_of(*type);
  Tensor tensor = Tensor::empty(*type, shape);
  if (proto.has_raw_data()) {
    if (bytes > 0) std::memcpy(tensor.raw(), proto.raw_data().data(), static_cast<size_t>(bytes));
    if (*type == DataType::boolean)
      for (int64_t i = 0; i < bytes; ++i)
        tensor.raw()[i] = std::byte{tensor.raw()[i] != std::byte{0}};
  } else if (!copy_typed_values(proto, tensor, where)) {
    return {};
  }
  return tensor;
}

}  // namespace vitrail::onnx_files
