// Conditions and loops: their branches and bodies become part of the graph.

#include <optional>

#include "vitrail/base/text.h"
#include "vitrail/onnx/computed_loop.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostUnrolled = 256;  // trips

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

// What an operand holds, where that is known.
Tensor known_content(const NodeImport& node, const Operand& operand) {
  const auto* constant = std::get_if<FileConstant>(&operand);
  return constant != nullptr ? constant->tensor : node.graph().content(std::get<Value>(operand));
}

void read_if(NodeImport& node) {
  const Operand operand = node.operand(0);
  const Tensor condition = known_content(node, operand);
  if (!condition.defined()) return read_both_branches(node, operand);
  if (condition.type() != DataType::boolean || condition.elements() != 1)
    node.refuse(cat("a condition of ", name_of(condition.type()), to_string(condition.shape())),
                "one boolean");
  const std::vector<FileValue> made =
      read_branch(node, branch_of(node, condition.raw()[0] != std::byte{0} ? "then_branch" : "else_branch"));
  for (size_t i = 0; i < made.size(); ++i)
    node.define(made[i], static_cast<int>(i));
}

// Nothing where it is computed when the network runs.
std::optional<bool> known_condition(NodeImport& node, const FileValue& value) {
  const Tensor content = known_content(node, node.operand_of(value));
  if (!content.defined() || content.type() != DataType::boolean || content.elements() != 1)
    return std::nullopt;
  return content.raw()[0] != std::byte{0};
}

// How often the body runs; nothing where that is not known.
std::optional<int64_t> known_trips(NodeImport& node) {
  if (!node.has(0)) return std::nullopt;
  try {
    const std::vector<int64_t> trips = node.known_sizes(0);
    if (trips.size() != 1) node.refuse(cat(trips.size(), " numbers of trips"), "one");
    return trips[0];
  } catch (const Unsupported&) {
    return std::nullopt;
  }
}

const onnx::GraphProto& body_of(const NodeImport& node) {
  const onnx::AttributeProto* attribute = node.attribute("body");
  if (attribute == nullptr || !attribute->has_g()) node.refuse("no body", "it is needed");
  const onnx::GraphProto& body = attribute->g();
  const int carried = node.count() - 2, outputs = node.proto().output_size();
  if (body.input_size() != carried + 2 || body.output_size() != 1 + outputs || outputs < carried)
    node.refuse(cat("a body of ", body.input_size(), " inputs and ", body.output_size(), " outputs"),
                "the loop's");
  return body;
}

// A loop of known length is as many copies of its body; false where a condition turns out to be computed.
bool unroll(NodeImport& node, const onnx::GraphProto& body, int64_t trips) {
  const int carried = node.count() - 2, outputs = node.proto().output_size();
  std::vector<FileValue> state;
  for (int i = 2; i < node.count(); ++i)
    state.push_back(node.input(i));
  std::vector<std::vector<Operand>> collected(static_cast<size_t>(outputs - carried));
  Scope& scope = node.scope();
  Tensor yes = Tensor::zeros(DataType::boolean, {});
  yes.raw()[0] = std::byte{1};
  std::optional<bool> go_on = true;
  for (int64_t trip = 0; *go_on && trip < trips; ++trip) {
    const Operand number = node.scalar(static_cast<double>(trip), DataType::i64);
    scope.values[body.input(0).name()] = std::get<FileConstant>(number);
    scope.values[body.input(1).name()] = FileConstant{yes, "go_on"};
    for (int i = 0; i < carried; ++i)
      scope.values[body.input(2 + i).name()] = state[static_cast<size_t>(i)];
    const std::vector<FileValue> made = read_branch(node, body);
    go_on = known_condition(node, made[0]);
    if (!go_on) return false;
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
  return true;
}

void read_loop(NodeImport& node) {
  const onnx::GraphProto& body = body_of(node);
  const std::optional<int64_t> trips = known_trips(node);
  const bool begins = !node.has(1) || known_condition(node, node.input(1)).value_or(false);
  if (begins && trips && *trips >= 1 && *trips <= kMostUnrolled) {
    if (unroll(node, body, *trips)) return;
    node.state().has_leftovers = true;
  }
  read_computed_loop(node, body);
}

constexpr OperatorReader kReaders[] = {
    {"If", "then_branch else_branch", 1, 1, read_if,
     "with a condition that is computed, both branches are, and must have one shape"},
    {"Loop", "body", 2, kAnyNumber, read_loop,
     "of up to 256 trips that are known it is unrolled; any other is run, but neither trained nor exported"},
};

}  // namespace

Readers control_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
