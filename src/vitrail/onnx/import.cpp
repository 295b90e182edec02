#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/node_import.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/onnx/roles.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {
namespace {

using namespace onnx_files;

constexpr int64_t kMostSize = int64_t{1} << 31;

void read_initializers(const onnx::GraphProto& graph, ImportState& state) {
  for (const onnx::TensorProto& proto : graph.initializer()) {
    const std::string where = cat(state.source, ": initialiser '", printable(proto.name()), "'");
    state.values[proto.name()] = tensor_from_proto(proto, where);
    if (const std::optional<Role> role = role_from_name(proto.doc_string()))
      state.roles[proto.name()] = *role;
  }
}

Shape shape_of(const onnx::ValueInfoProto& input, const std::string& where) {
  const onnx::TypeProto_Tensor& type = input.type().tensor_type();
  if (!input.type().has_tensor_type() || type.elem_type() != onnx::TensorProto::FLOAT || !type.has_shape())
    throw Error(ErrorKind::unsupported,
                {.where = where,
                 .found = cat("it is no tensor of 32-bit floats with known dimensions"),
                 .next = "Convert the model to 32-bit floats, keeping the input's shape"});
  Shape shape;
  for (const onnx::TensorShapeProto_Dimension& dimension : type.shape().dim()) {
    if (dimension.has_dim_value() && (dimension.dim_value() < 1 || dimension.dim_value() > kMostSize))
      throw Error(ErrorKind::format, {.where = where,
                                      .found = cat("size ", dimension.dim_value()),
                                      .allowed = cat("1..", kMostSize, ", or a symbol")});
    shape.push_back(dimension.has_dim_value() ? dimension.dim_value() : -1);
  }
  return shape;
}

void read_inputs(const onnx::GraphProto& graph, ImportState& state) {
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (state.values.contains(input.name())) continue;  // before IR 4, initialisers are listed as inputs
    const std::string where = cat(state.source, ": input '", printable(input.name()), "'");
    state.values[input.name()] = state.model.graph.input(input.name(), shape_of(input, where));
  }
  if (state.model.graph.inputs().empty())
    throw Error(ErrorKind::format,
                {.where = state.source, .found = "no input", .allowed = "at least one is needed"});
}

// Throws Unsupported for what the reader's table already rules out.
void expect_readable(const onnx::NodeProto& node, const OperatorReader* reader) {
  if (!node.domain().empty() && node.domain() != "ai.onnx")
    throw Unsupported{cat("an operator of the domain '", printable(node.domain()), "'")};
  if (reader == nullptr) throw Unsupported{"an operator without a counterpart"};
  if (node.input_size() < reader->least_inputs || node.input_size() > reader->most_inputs)
    throw Unsupported{cat(node.input_size(), " inputs")};
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    std::istringstream known{std::string(reader->attributes)};
    bool is_known = false;
    for (std::string name; known >> name;)
      is_known = is_known || name == attribute.name();
    if (!is_known) throw Unsupported{cat("the attribute '", printable(attribute.name()), "'")};
  }
}

void read_nodes(const onnx::GraphProto& graph, ImportState& state) {
  std::vector<std::string> refused;
  for (const onnx::NodeProto& proto : graph.node()) {
    for (const std::string& output : proto.output())
      if (!output.empty()) state.values[output] = NotRead{};
    try {
      const OperatorReader* reader = find_reader(proto.op_type());
      expect_readable(proto, reader);
      NodeImport node(state, proto);
      reader->read(node);
    } catch (const Unsupported& unsupported) {
      const std::string& name =
          proto.name().empty() && proto.output_size() > 0 ? proto.output(0) : proto.name();
      refused.push_back(
          cat("'", printable(name), "' (", printable(proto.op_type()), "): ", unsupported.reason));
    } catch (const ReadsUnsupported&) {  // named already, where it began
    }
  }
  if (!refused.empty())
    throw Error(ErrorKind::unsupported,
                {.where = state.source,
                 .found = cat(refused.size(), " of ", graph.node_size(), " nodes of operator set ",
                              state.opset, " cannot be read: ", join(refused, "; "))});
}

void read_outputs(const onnx::GraphProto& graph, ImportState& state) {
  for (const onnx::ValueInfoProto& output : graph.output()) {
    const auto* value = std::get_if<Value>(&state.values.at(output.name()));
    if (value == nullptr)
      throw Error(ErrorKind::unsupported,
                  {.where = cat(state.source, ": output '", printable(output.name()), "'"),
                   .found = "a constant or a size",
                   .allowed = "outputs are computed tensors"});
    state.model.graph.output(output.name(), *value);
  }
}

void read_info(const onnx::ModelProto& proto, ImportState& state) {
  std::map<std::string, std::string> metadata;
  for (const onnx::StringStringEntryProto& pair : proto.metadata_props())
    metadata[pair.key()] = pair.value();
  if (has_model_info(metadata)) state.model.info = info_from_metadata(metadata, state.source);
}

}  // namespace

Model onnx_from_bytes(std::string_view bytes, const std::string& name) {
  const onnx::ModelProto proto = parse_model(bytes, name);
  ImportState state{.source = name, .opset = opset_of(proto)};
  for (const onnx::NodeProto& node : proto.graph().node())
    state.read.insert(node.input().begin(), node.input().end());
  for (const onnx::ValueInfoProto& output : proto.graph().output())
    state.read.insert(output.name());
  read_info(proto, state);
  read_initializers(proto.graph(), state);
  read_inputs(proto.graph(), state);
  read_nodes(proto.graph(), state);
  try {
    read_outputs(proto.graph(), state);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    ErrorParts parts = error.parts();
    parts.where = cat(name, ": ", parts.where);
    throw Error(ErrorKind::format, parts);
  }
  return std::move(state.model);
}

Model read_onnx(const std::filesystem::path& path) {
  return onnx_from_bytes(read_file(path), path.string());
}

}  // namespace vitrail
