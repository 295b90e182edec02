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
constexpr int64_t kMostTrips = 256;          // of a loop that is unrolled
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

namespace {

// What a branch, or the body of a loop, makes of the names around it.
std::vector<FileValue> read_branch(NodeImport& node, const onnx::GraphProto& graph) {
  Scope& scope = node.scope();
  for (const onnx::ValueInfoProto& output : graph.output())
    scope.read.insert(output.name());
  collect_needed(graph.node(), scope.read);
  read_initializers(graph, node.state(), scope);
  read_nodes(graph.node(), node.state(), scope);
  std::vector<FileValue> made;
  for (const onnx::ValueInfoProto& output : graph.output())
    made.push_back(scope.values.at(output.name()));
  return made;
}

const onnx::GraphProto& branch_of(const NodeImport& node, const char* name) {
  const onnx::AttributeProto* branch = node.attribute(name);
  if (branch == nullptr || !branch->has_g())
    node.refuse("a branch is missing", "then_branch and else_branch");
  if (branch->g().output_size() != node.proto().output_size())
    node.refuse(cat(branch->g().output_size(), " outputs of a branch"),
                cat(node.proto().output_size(), " are needed"));
  return branch->g();
}

// A condition that is known only when the network runs: both branches are computed, and one is chosen.
void read_both_branches(NodeImport& node, const Operand& condition) {
  const auto outputs = static_cast<size_t>(node.proto().output_size());
  const std::vector<FileValue> yes = read_branch(node, branch_of(node, "then_branch"));
  const std::vector<FileValue> no = read_branch(node, branch_of(node, "else_branch"));
  for (size_t i = 0; i < outputs; ++i) {
    if (!node.wants(static_cast<int>(i))) continue;
    const Operand a = node.operand_of(yes[i]), b = node.operand_of(no[i]);
    if (node.rank(a) != node.rank(b) || node.type(a) != node.type(b) || node.rank(a) < node.rank(condition))
      throw Unsupported{
          "a condition that is computed when the network runs, and branches of different shapes"};
    if (node.shape(a) == node.shape(b)) {
      node.emit(op::Where{}, {condition, a, b}, static_cast<int>(i));
      continue;
    }
    // Neither branch's sizes are the result's, which says so by a shape that is chosen as well.
    const Operand shape =
        node.add(op::Where{}, {condition, node.add(op::ShapeOf{}, {a}), node.add(op::ShapeOf{}, {b})});
    const Operand chosen = node.add(op::Where{}, {condition, a, b});
    node.emit(op::Reshape{}, {chosen, shape}, static_cast<int>(i));
  }
}

}  // namespace

void read_if(NodeImport& node) {
  const Operand operand = node.operand(0);
  const auto* constant = std::get_if<FileConstant>(&operand);
  const Tensor condition =
      constant != nullptr ? constant->tensor : node.graph().content(std::get<Value>(operand));
  if (!condition.defined()) return read_both_branches(node, operand);
  if (condition.type() != DataType::boolean || condition.elements() != 1)
    node.refuse(cat("a condition of ", name_of(condition.type()), to_string(condition.shape())),
                "one boolean");
  const std::vector<FileValue> made =
      read_branch(node, branch_of(node, condition.raw()[0] != std::byte{0} ? "then_branch" : "else_branch"));
  for (size_t i = 0; i < made.size(); ++i)
    node.define(made[i], static_cast<int>(i));
}

namespace {

bool is_true(NodeImport& node, const FileValue& value) {
  const Operand operand = node.operand_of(value);
  const auto* constant = std::get_if<FileConstant>(&operand);
  const Tensor content =
      constant != nullptr ? constant->tensor : node.graph().content(std::get<Value>(operand));
  return content.defined() && content.type() == DataType::boolean && content.elements() == 1 &&
         content.raw()[0] != std::byte{0};
}

// How often the body runs; Unsupported where that is not known.
int64_t trips_of(NodeImport& node) {
  if (!node.has(0)) throw Unsupported{"a loop that ends by its condition"};
  const std::vector<int64_t> trips = node.known_sizes(0);
  if (trips.size() != 1) node.refuse(cat(trips.size(), " numbers of trips"), "one");
  if (trips[0] < 1 || trips[0] > kMostTrips)
    throw Unsupported{cat("a loop of ", trips[0], " trips; 1 to ", kMostTrips, " are unrolled")};
  return trips[0];
}

}  // namespace

// A loop of known length is as many copies of its body.
void read_loop(NodeImport& node) {
  const onnx::AttributeProto* attribute = node.attribute("body");
  if (attribute == nullptr || !attribute->has_g()) node.refuse("no body", "it is needed");
  const onnx::GraphProto& body = attribute->g();
  const int carried = node.count() - 2, outputs = node.proto().output_size();
  if (body.input_size() != carried + 2 || body.output_size() != 1 + outputs || outputs < carried)
    node.refuse(cat("a body of ", body.input_size(), " inputs and ", body.output_size(), " outputs"),
                "the loop's");
  const int64_t trips = trips_of(node);
  if (node.has(1) && !is_true(node, node.input(1))) throw Unsupported{"a loop that ends by its condition"};
  std::vector<FileValue> state;
  for (int i = 2; i < node.count(); ++i)
    state.push_back(node.input(i));
  std::vector<std::vector<Operand>> collected(static_cast<size_t>(outputs - carried));
  Scope& scope = node.scope();
  Tensor go_on = Tensor::zeros(DataType::boolean, {});
  go_on.raw()[0] = std::byte{1};
  for (int64_t trip = 0; trip < trips; ++trip) {
    const Operand number = node.scalar(static_cast<double>(trip), DataType::i64);
    scope.values[body.input(0).name()] = std::get<FileConstant>(number);
    scope.values[body.input(1).name()] = FileConstant{go_on, "go_on"};
    for (int i = 0; i < carried; ++i)
      scope.values[body.input(2 + i).name()] = state[static_cast<size_t>(i)];
    const std::vector<FileValue> made = read_branch(node, body);
    if (!is_true(node, made[0])) throw Unsupported{"a loop that ends by its condition"};
    state.assign(made.begin() + 1, made.begin() + 1 + carried);
    for (size_t i = 0; i < collected.size(); ++i)
      collected[i].push_back(node.add(op::Unsqueeze{.axes = {0}},
                                      {node.operand_of(made[static_cast<size_t>(1 + carried) + i])}));
  }
  for (int i = 0; i < outputs; ++i)
    if (i < carried)
      node.define(state[static_cast<size_t>(i)], i);
    else if (node.wants(i))
      node.emit(op::Concat{.axis = 0}, collected[static_cast<size_t>(i - carried)], i);
}

}  // namespace vitrail::onnx_files
