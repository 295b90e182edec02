#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/part.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/external_data.h"
#include "vitrail/onnx/import_graph.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/onnx/roles.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {
namespace {

using namespace onnx_files;

constexpr int64_t kMostSize = int64_t{1} << 31;

Shape shape_of(const onnx::TypeProto_Tensor& type, const std::string& where) {
  Shape shape;
  for (const onnx::TensorShapeProto_Dimension& dimension : type.shape().dim()) {
    const int64_t size = dimension.has_dim_value() ? dimension.dim_value() : -1;
    if (size < -1 || size > kMostSize)
      throw Error(
          ErrorKind::format,
          {.where = where, .found = cat("size ", size), .allowed = cat("1..", kMostSize, ", or a symbol")});
    shape.push_back(size == 0 ? -1 : size);  // exporters write 0 and -1 for "any"
  }
  return shape;
}

void read_inputs(const onnx::GraphProto& graph, ImportState& state, Scope& scope) {
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (scope.values.contains(input.name())) continue;  // before IR 4, initialisers are listed as inputs
    const std::string where = cat(state.source, ": input '", printable(input.name()), "'");
    const onnx::TypeProto_Tensor& tensor = input.type().tensor_type();
    const std::optional<DataType> type =
        input.type().has_tensor_type() ? computed_type_of(tensor.elem_type()) : std::nullopt;
    if (!type || !tensor.has_shape())
      throw Error(ErrorKind::unsupported, {.where = where,
                                           .found = "it is no tensor of floats, integers or booleans with "
                                                    "known dimensions",
                                           .next = "Export the model again with a declared input shape"});
    scope.values[input.name()] = state.model.graph.input(input.name(), shape_of(tensor, where), *type);
  }
  if (state.model.graph.inputs().empty())
    throw Error(ErrorKind::format,
                {.where = state.source, .found = "no input", .allowed = "at least one is needed"});
}

// A constant that is an output is part of the network's description, not a weight.
Value output_value(const onnx::GraphProto& graph, const std::string& name, ImportState& state, Scope& scope) {
  onnx::NodeProto reader;
  reader.set_op_type("output");
  reader.set_name(cat(name, ".output"));
  reader.add_input(name);
  NodeImport node(state, scope, reader);
  try {
    return node.value_of(node.setting(0));
  } catch (const Unsupported& unsupported) {
    throw Error(ErrorKind::unsupported, {.where = cat(state.source, ": output '", printable(name), "' of '",
                                                      printable(graph.name()), "'"),
                                         .found = unsupported.reason});
  }
}

void read_outputs(const onnx::GraphProto& graph, ImportState& state, Scope& scope) {
  for (const onnx::ValueInfoProto& output : graph.output())
    state.model.graph.output(output.name(), output_value(graph, output.name(), state, scope));
}

void expect_all_read(const ImportState& state, int64_t opset) {
  if (state.refused.empty()) return;
  throw Error(ErrorKind::unsupported,
              {.where = state.source,
               .found = cat(state.refused.size(), " of ", state.nodes_read, " nodes of operator set ", opset,
                            " cannot be read: ", join(state.refused, "; ")),
               .next = "`vitrail list operators` shows what is read"});
}

void read_info(const onnx::ModelProto& proto, ImportState& state) {
  std::map<std::string, std::string> metadata;
  for (const onnx::StringStringEntryProto& pair : proto.metadata_props())
    metadata[pair.key()] = pair.value();
  if (has_model_info(metadata)) state.model.info = info_from_metadata(metadata, state.source);
}

void drop_leftovers(Model& model) {
  model.graph = model.graph.for_inference();
  model.weights = weights_of(model.graph, model.weights);
}

// Outputs with the name of another output, and the like.
template <class Body>
void as_format_error(const std::string& name, const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    ErrorParts parts = error.parts();
    parts.where = cat(name, ": ", parts.where);
    throw Error(ErrorKind::format, parts);
  }
}

Model model_from(const onnx::ModelProto& proto, const std::string& name, const OnnxImportOptions& options) {
  ImportState state{.source = name, .proto = &proto, .most_constant_bytes = options.most_constant_bytes};
  Scope scope{.opset = opset_of(proto)};
  read_info(proto, state);
  as_format_error(name, [&] {
    read_initializers(proto.graph(), state, scope);
    read_inputs(proto.graph(), state, scope);
    for (const onnx::ValueInfoProto& output : proto.graph().output())
      scope.read.insert(output.name());
    collect_needed(proto.graph().node(), scope.read);
    read_nodes(proto.graph().node(), state, scope);
    expect_all_read(state, scope.opset);
    read_outputs(proto.graph(), state, scope);
    if (state.has_leftovers) drop_leftovers(state.model);
  });
  return std::move(state.model);
}

}  // namespace

Model onnx_from_bytes(std::string_view bytes, const std::string& name, const OnnxImportOptions& options) {
  const onnx::ModelProto proto = parse_model(bytes, name);
  return model_from(proto, name, options);
}

Model read_onnx(const std::filesystem::path& path, const OnnxImportOptions& options) {
  onnx::ModelProto proto = parse_model(read_file(path), path.string());
  load_external_data(proto, path);
  return model_from(proto, path.string(), options);
}

}  // namespace vitrail
