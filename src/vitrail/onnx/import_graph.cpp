#include "vitrail/onnx/import_graph.h"

#include <algorithm>
#include <sstream>

#include <google/protobuf/unknown_field_set.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/roles.h"

namespace vitrail::onnx_files {
namespace {

constexpr int kMostDepth = 32;               // of calls and branches within each other
constexpr int kDefaultAttributesField = 11;  // FunctionProto.attribute_proto, newer than Debian 12's ONNX

const onnx::FunctionProto* find_function(const ImportState& state, const onnx::NodeProto& node) {
  for (const onnx::FunctionProto& function : state.proto->functions())
    if (function.name() == node.op_type() &&
        (function.domain() == node.domain() || (is_default(function.domain()) && is_default(node.domain()))))
      return &function;
  return nullptr;
}

// Throws Unsupported for what the reader's table already rules out.
void expect_readable(const onnx::NodeProto& node, const OperatorReader* reader) {
  if (reader == nullptr && !is_default(node.domain()))
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

int64_t opset_in(const onnx::FunctionProto& function, int64_t otherwise) {
  for (const onnx::OperatorSetIdProto& opset : function.opset_import())
    if (is_default(opset.domain())) return opset.version();
  return otherwise;
}

// Attributes of a function that have default values.
std::map<std::string, onnx::AttributeProto> default_arguments(const onnx::FunctionProto& function) {
  std::map<std::string, onnx::AttributeProto> arguments;
  const google::protobuf::UnknownFieldSet& unknown = function.GetReflection()->GetUnknownFields(function);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const google::protobuf::UnknownField& field = unknown.field(i);
    if (field.number() != kDefaultAttributesField ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    onnx::AttributeProto attribute;
    if (!attribute.ParseFromString(field.length_delimited()))
      throw Unsupported{"a default value of an attribute that cannot be read"};
    arguments[attribute.name()] = attribute;
  }
  return arguments;
}

// A call of a function of the file: its nodes, with names of their own.
void read_call(NodeImport& node, const onnx::FunctionProto& function) {
  const Scope& outer = node.scope();
  if (outer.depth >= kMostDepth)
    throw Error(ErrorKind::limit, {.where = node.where(),
                                   .found = "functions that call each other",
                                   .allowed = cat("at most ", kMostDepth, " within each other")});
  const onnx::NodeProto& call = node.proto();
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size())
    throw Unsupported{"more inputs or outputs than the function has"};
  const std::string name = call.name().empty() && call.output_size() > 0 ? call.output(0) : call.name();
  Scope inner{.opset = opset_in(function, node.opset()),
              .prefix = cat(outer.prefix, name, "/"),
              .depth = outer.depth + 1,
              .arguments = default_arguments(function)};
  for (int i = 0; i < function.input_size(); ++i)
    inner.values[function.input(i)] =
        i < call.input_size() && !call.input(i).empty() ? node.input(i) : FileValue(Value{});
  for (const std::string& attribute : function.attribute())
    if (const onnx::AttributeProto* given = node.attribute(attribute)) inner.arguments[attribute] = *given;
  for (int i = 0; i < call.output_size(); ++i)
    if (node.wants(i)) inner.read.insert(function.output(i));
  collect_needed(function.node(), inner.read);
  read_nodes(function.node(), node.state(), inner);
  for (int i = 0; i < call.output_size(); ++i)
    if (node.wants(i)) node.define(inner.values.at(function.output(i)), i);
}

void read_node(NodeImport& node) {
  const onnx::NodeProto& proto = node.proto();
  const onnx::FunctionProto* function = find_function(node.state(), proto);
  const OperatorReader* reader = function != nullptr && is_default(proto.domain())
                                     ? nullptr
                                     : find_reader(proto.domain(), proto.op_type());
  if (reader == nullptr && function != nullptr) return read_call(node, *function);
  expect_readable(proto, reader);
  reader->read(node);
  node.expect_all_defined();
}

void collect_captured(const onnx::NodeProto& node, std::set<std::string>& needed) {
  needed.insert(node.input().begin(), node.input().end());
  for (const onnx::AttributeProto& attribute : node.attribute())
    if (attribute.has_g()) {
      for (const onnx::NodeProto& inner : attribute.g().node())
        collect_captured(inner, needed);
      for (const onnx::ValueInfoProto& output : attribute.g().output())
        needed.insert(output.name());
    }
}

}  // namespace

void read_initializers(const onnx::GraphProto& graph, ImportState& state, Scope& scope) {
  for (const onnx::TensorProto& proto : graph.initializer()) {
    const std::string where = cat(state.source, ": initialiser '", printable(proto.name()), "'");
    const std::string name = cat(scope.prefix, proto.name());
    scope.values[proto.name()] = FileConstant{computed_tensor(tensor_from_proto(proto, where)), name};
    if (const std::optional<Role> role = role_from_name(proto.doc_string())) state.roles[name] = *role;
  }
}

void collect_needed(const Nodes& nodes, std::set<std::string>& needed) {
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
    if (std::any_of(node->output().begin(), node->output().end(),
                    [&](const std::string& output) { return needed.contains(output); }))
      collect_captured(*node, needed);
}

void read_nodes(const Nodes& nodes, ImportState& state, Scope& scope) {
  for (const onnx::NodeProto& proto : nodes) {
    bool is_needed = false;
    for (const std::string& output : proto.output()) {
      if (!output.empty()) scope.values[output] = NotRead{};
      is_needed = is_needed || (!output.empty() && scope.read.contains(output));
    }
    if (!is_needed) continue;
    if (++state.nodes_read > kMostNodes)
      throw Error(ErrorKind::limit, {.where = state.source,
                                     .found = "functions whose calls are too many nodes",
                                     .allowed = cat("at most ", kMostNodes, " are read")});
    NodeImport node(state, scope, proto);
    try {
      read_node(node);
    } catch (const Unsupported& unsupported) {
      const std::string& name =
          proto.name().empty() && proto.output_size() > 0 ? proto.output(0) : proto.name();
      state.refused.push_back(cat("'", printable(scope.prefix), printable(name), "' (",
                                  printable(proto.op_type()), "): ", unsupported.reason));
    } catch (const ReadsUnsupported&) {  // named already, where it began
    }
  }
}

}  // namespace vitrail::onnx_files
