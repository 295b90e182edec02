#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "onnx/checker.h"
#include "onnx/onnx_pb.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/part.h"
#include "vitrail/onnx/enum_names.h"
#include "vitrail/onnx/export_ops.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/onnx/prepare.h"
#include "vitrail/onnx/roles.h"
#include "vitrail/onnx/writer.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {
namespace {

using namespace onnx_files;

constexpr int64_t kIrVersion = 8;
constexpr int64_t kMostBytes = std::numeric_limits<int32_t>::max();  // protobuf's bound on one message

void write_dimension(onnx::TensorShapeProto& shape, int64_t size, const std::string& symbol) {
  if (size >= 0)
    shape.add_dim()->set_dim_value(size);
  else
    shape.add_dim()->set_dim_param(symbol);
}

void write_input(const Graph& graph, const Input& input, const std::string& prefix, onnx::GraphProto& proto) {
  static constexpr const char* kSymbols[] = {"N", "C", "H", "W"};
  onnx::ValueInfoProto& info = *proto.add_input();
  info.set_name(input.name);
  onnx::TypeProto_Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_type(graph.type(input.value)));
  const Shape& shape = graph.shape(input.value);
  for (size_t axis = 0; axis < shape.size(); ++axis)
    write_dimension(
        *type.mutable_shape(), shape[axis],
        shape.size() == 4 ? cat(axis == 0 ? "" : prefix, kSymbols[axis]) : cat(input.name, "_", axis));
}

// The first input that an output depends on has the same number of rows.
std::string batch_symbol(const Graph& graph, const Output& output) {
  const Graph part = part_of(graph, {output.name});
  if (part.inputs().empty() || part.inputs()[0].name == graph.inputs()[0].name) return "N";
  return part.inputs()[0].name + "_N";
}

std::string output_symbol(const Graph& graph, const Output& output, size_t axis,
                          const std::array<bool, 2>& keeps) {
  if (axis == 0) return batch_symbol(graph, output);
  if (axis == 2 && keeps[0]) return "H";
  if (axis == 3 && keeps[1]) return "W";
  return cat(output.name, "_", axis);
}

void write_output(const Graph& graph, const Output& output, const std::array<bool, 2>& keeps,
                  onnx::GraphProto& proto) {
  onnx::ValueInfoProto& info = *proto.add_output();
  info.set_name(output.name);
  onnx::TypeProto_Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_type(graph.type(output.value)));
  const Shape& shape = graph.shape(output.value);
  onnx::TensorShapeProto& dimensions = *type.mutable_shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    write_dimension(dimensions, shape[axis], output_symbol(graph, output, axis, keeps));
  }
}

constexpr int64_t kLeastHalved = 256;  // elements: biases and statistics are not worth their rounding
constexpr float kLargestHalf = 65504;

bool may_be_halved(const Tensor& tensor) {
  if (tensor.type() != DataType::f32 || tensor.shape().size() < 2 || tensor.elements() < kLeastHalved)
    return false;
  const auto values = tensor.data<float>();
  return std::all_of(values.begin(), values.end(), [](float x) { return std::abs(x) <= kLargestHalf; });
}

Tensor halved(const Tensor& tensor) {
  Tensor half = Tensor::empty(DataType::f16, tensor.shape());
  std::vector<uint16_t> bits;
  for (const float x : tensor.data<float>())
    bits.push_back(f16_from_f32(x));
  std::memcpy(half.raw(), bits.data(), bits.size() * sizeof(uint16_t));
  return half;
}

void write_parameters(const Graph& graph, const Weights& weights, bool half, NodeExporter& nodes,
                      OnnxWriter& writer) {
  for (int32_t id = 0; id < graph.value_count(); ++id) {
    const Parameter* parameter = graph.parameter_of({id});
    if (parameter == nullptr) continue;
    const Tensor& given = weights.at(parameter->name);
    const Tensor tensor = given.type() == parameter->type ? given : given.to_f32();
    std::string name = writer.unique_value_name(parameter->name);
    const bool is_half = half && may_be_halved(tensor);
    writer.initializer(name, is_half ? halved(tensor) : tensor)
        .set_doc_string(std::string(name_of(parameter->role)));
    if (is_half) {
      onnx::NodeProto& cast = writer.node("Cast", {name}, name + ".f32");
      set_int(cast, "to", onnx_type(DataType::f32));
      name = cast.output(0);
    }
    nodes.set_name({id}, name);
  }
}

// An output's name belongs to the node that makes it; a value that has a name already (an input, a parameter,
// what dropout let through, a second output of the same value) is copied under the output's name.
void write_nodes(const Graph& graph, NodeExporter& nodes, OnnxWriter& writer) {
  std::set<std::string> made;
  for (const Output& output : graph.outputs()) {
    const Node* producer = graph.producer_of(output.value);
    if (producer != nullptr && !std::holds_alternative<op::Dropout>(producer->op) &&
        !std::holds_alternative<op::Constant>(producer->op) && nodes.name(output.value).empty()) {
      nodes.set_name(output.value, output.name);
      made.insert(output.name);
    }
  }
  for (const Node& node : graph.nodes())
    nodes.write(node);
  for (const Output& output : graph.outputs())
    if (!made.contains(output.name))
      writer.node("Identity", {nodes.name(output.value)}, output.name, output.name);
}

void write_functions(const NodeExporter& nodes, onnx::ModelProto& proto) {
  if (nodes.functions().empty()) return;
  onnx::OperatorSetIdProto& own = *proto.add_opset_import();
  own.set_domain(std::string(kOwnDomain));
  own.set_version(1);
  for (const auto& [name, function] : nodes.functions())
    *proto.add_functions() = function;
}

void write_graph(const Model& model, bool half_weights, onnx::ModelProto& file) {
  const Graph& graph = model.graph;
  onnx::GraphProto& proto = *file.mutable_graph();
  proto.set_name(model.info.architecture.empty() ? "network" : model.info.architecture);
  OnnxWriter writer(proto);
  NodeExporter nodes(graph, writer);
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Input& input = graph.inputs()[i];
    write_input(graph, input, i == 0 ? "" : cat(input.name, "_"), proto);
    nodes.set_name(input.value, writer.unique_value_name(input.name));
  }
  const std::vector<std::array<bool, 2>> keeps = keeps_input_size(graph);
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Output& output = graph.outputs()[i];
    if (writer.unique_value_name(output.name) != output.name)
      throw Error(ErrorKind::usage, {.where = cat("ONNX export, output '", output.name, "'"),
                                     .found = "an input has the same name",
                                     .next = "Give the output another name"});
    write_output(graph, output, keeps[i], proto);
  }
  write_parameters(graph, model.weights, half_weights, nodes, writer);
  write_nodes(graph, nodes, writer);
  write_functions(nodes, file);
}

// What is not known (a foreign network that nobody described) is not claimed.
void write_metadata(const ModelInfo& info, onnx::ModelProto& proto) {
  if (!is_described(info)) return;
  for (const auto& [key, value] : metadata_from_info(info)) {
    onnx::StringStringEntryProto& pair = *proto.add_metadata_props();
    pair.set_key(key);
    pair.set_value(value);
  }
}

void expect_sound(const onnx::ModelProto& proto) {
  try {
    onnx::checker::check_model(proto);
  } catch (const std::exception& error) {
    throw Error(ErrorKind::unsupported, {.where = "ONNX export",
                                         .found = cat("the ONNX checker refuses the file: ", error.what()),
                                         .next = "Please report this network: it is a fault of Vitrail"});
  }
}

}  // namespace

std::string onnx_bytes(const Model& model, const OnnxExportOptions& options) {
  const Model prepared = prepared_for_export(model, options);
  onnx::ModelProto proto;
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("vitrail");
  proto.set_producer_version(VITRAIL_VERSION);
  proto.set_doc_string(
      "Written by Vitrail. How to prepare an image and what "
      "the classes mean is in the metadata.");
  onnx::OperatorSetIdProto& opset = *proto.add_opset_import();
  opset.set_domain("");
  opset.set_version(kExportedOpset);

  write_metadata(prepared.info, proto);
  write_graph(prepared, options.half_weights, proto);
  expect_sound(proto);

  std::string bytes;
  if (!proto.SerializeToString(&bytes))
    throw Error(ErrorKind::limit, {.where = "ONNX export",
                                   .found = "the model is too large for one ONNX file",
                                   .allowed = cat("at most ", kMostBytes, " bytes")});
  return bytes;
}

void write_onnx(const std::filesystem::path& path, const Model& model, const OnnxExportOptions& options) {
  write_file_atomically(path, onnx_bytes(model, options));
}

}  // namespace vitrail
