#include "vitrail/onnx/writer.h"

#include <array>
#include <utility>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::onnx_files {
namespace {

std::string unique_in(std::set<std::string>& taken, const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; !taken.insert(name).second; ++number)
    name = cat(wanted, "_", number);
  return name;
}

onnx::AttributeProto& attribute(onnx::NodeProto& node, const std::string& name,
                                onnx::AttributeProto_AttributeType type) {
  onnx::AttributeProto& added = *node.add_attribute();
  added.set_name(name);
  added.set_type(type);
  return added;
}

}  // namespace

std::string OnnxWriter::unique_value_name(const std::string& wanted) {
  return unique_in(values_, wanted);
}

onnx::NodeProto& OnnxWriter::node(std::string_view type, std::vector<std::string> inputs,
                                  const std::string& name, const std::string& output) {
  while (!inputs.empty() && inputs.back().empty())
    inputs.pop_back();
  onnx::NodeProto& added = *graph_.add_node();
  added.set_op_type(std::string(type));
  added.set_name(unique_in(nodes_, name));
  for (std::string& input : inputs)
    added.add_input(std::move(input));
  added.add_output(output.empty() ? unique_value_name(name) : output);
  return added;
}

onnx::TensorProto& OnnxWriter::initializer(const std::string& name, const Tensor& tensor) {
  onnx::TensorProto& added = *graph_.add_initializer();
  added.set_name(name);
  write_tensor(tensor, added);
  return added;
}

std::string OnnxWriter::shared_initializer(const std::string& name, const Tensor& tensor) {
  const std::string bytes(reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes()));
  const std::string key = cat(name_of(tensor.type()), to_string(tensor.shape()), ":", bytes);
  auto [found, is_new] = constants_.try_emplace(key);
  if (is_new) {
    found->second = unique_value_name(name);
    initializer(found->second, tensor).set_doc_string("constant");
  }
  return found->second;
}

std::string OnnxWriter::constant(const std::string& name, std::span<const int64_t> values) {
  return shared_initializer(name, Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
}

std::string OnnxWriter::constant(const std::string& name, std::span<const float> values) {
  return shared_initializer(name, Tensor::from<float>({static_cast<int64_t>(values.size())}, values));
}

std::string OnnxWriter::scalar(const std::string& name, float value) {
  const std::array<float, 1> values{value};
  return shared_initializer(name, Tensor::from<float>({}, std::span<const float>(values)));
}

std::string OnnxWriter::scalar(const std::string& name, int64_t value) {
  const std::array<int64_t, 1> values{value};
  return shared_initializer(name, Tensor::from<int64_t>({}, std::span<const int64_t>(values)));
}

void set_ints(onnx::NodeProto& node, const std::string& name, std::span<const int64_t> values) {
  onnx::AttributeProto& added = attribute(node, name, onnx::AttributeProto::INTS);
  for (int64_t value : values)
    added.add_ints(value);
}

void set_int(onnx::NodeProto& node, const std::string& name, int64_t value) {
  attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}

void set_float(onnx::NodeProto& node, const std::string& name, double value) {
  attribute(node, name, onnx::AttributeProto::FLOAT).set_f(static_cast<float>(value));
}

void set_text(onnx::NodeProto& node, const std::string& name, std::string_view value) {
  attribute(node, name, onnx::AttributeProto::STRING).set_s(std::string(value));
}

void set_tensor(onnx::NodeProto& node, const std::string& name, const Tensor& tensor) {
  write_tensor(tensor, *attribute(node, name, onnx::AttributeProto::TENSOR).mutable_t());
}

void write_tensor(const Tensor& tensor, onnx::TensorProto& proto) {
  proto.set_data_type(onnx_type(tensor.type()));
  for (int64_t size : tensor.shape())
    proto.add_dims(size);
  proto.set_raw_data(tensor.raw(), static_cast<size_t>(tensor.bytes()));
}

int32_t onnx_type(DataType type) {
  switch (type) {
    case DataType::f32: return onnx::TensorProto::FLOAT;
    case DataType::f16: return onnx::TensorProto::FLOAT16;
    case DataType::i64: return onnx::TensorProto::INT64;
    case DataType::i32: return onnx::TensorProto::INT32;
    case DataType::u8: return onnx::TensorProto::UINT8;
    case DataType::i8: return onnx::TensorProto::INT8;
    case DataType::boolean: return onnx::TensorProto::BOOL;
    default:
      throw Error(ErrorKind::unsupported,
                  {.where = "ONNX export",
                   .found = cat("a tensor of ", name_of(type)),
                   .allowed = "f32, f16, integers of 8, 32 and 64 bits and booleans are written"});
  }
}

}  // namespace vitrail::onnx_files
