#include "vitrail/engine/open_sizes.h"

#include <algorithm>

namespace vitrail::engine_detail {
namespace {

// The inputs whose values, not only whose sizes, the shape of the result follows from.
std::vector<Value> inputs_that_give_sizes(const Node& node) {
  size_t first = node.inputs.size(), last = node.inputs.size();
  const auto from = [&](size_t i) { first = i; };
  std::visit(Overload{[&](const op::Reshape&) { from(1); }, [&](const op::Expand&) { from(1); },
                      [&](const op::Tile&) { from(1); }, [&](const op::Slice&) { from(1); },
                      [&](const op::TopK&) { from(1); }, [&](const op::Range&) { from(0); },
                      [&](const op::ConstantOfShape&) { from(0); }, [&](const op::Resize&) { from(2); },
                      [](const auto&) {}},
             node.op);
  std::vector<Value> values;
  for (size_t i = first; i < last; ++i)
    if (node.inputs[i].exists()) values.push_back(node.inputs[i]);
  return values;
}

}  // namespace

bool counts_what_it_finds(const Op& op) {
  return std::holds_alternative<op::NonMaxSuppression>(op) || std::holds_alternative<op::Loop>(op);
}

bool chooses(const Graph& graph, const Node& node) {
  if (!std::holds_alternative<op::Where>(node.op)) return false;
  const Shape& condition = graph.shape(node.inputs[0]);
  return (condition.empty() || condition == Shape{1}) &&
         graph.shape(node.inputs[1]).size() == graph.shape(node.inputs[2]).size();
}

std::vector<bool> values_that_give_sizes(const Graph& graph) {
  std::vector<bool> gives(static_cast<size_t>(graph.value_count()), false);
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    for (const Value value : inputs_that_give_sizes(*node))
      gives[index_of(value)] = true;
    const bool passes_on = std::any_of(node->outputs.begin(), node->outputs.end(),
                                       [&](Value value) { return gives[index_of(value)]; });
    if (!passes_on || std::holds_alternative<op::ShapeOf>(node->op) ||
        std::holds_alternative<op::Loop>(node->op))
      continue;
    for (const Value value : node->inputs)
      if (value.exists()) gives[index_of(value)] = true;
  }
  return gives;
}

bool sizes_depend_on_values(const Graph& graph) {
  const std::vector<bool> gives_sizes = values_that_give_sizes(graph);
  const auto decides = [&](const Node& node) {
    if (!chooses(graph, node)) return counts_what_it_finds(node.op);
    const Shape &a = graph.shape(node.inputs[1]), &b = graph.shape(node.inputs[2]);
    return a != b || std::find(a.begin(), a.end(), -1) != a.end();
  };
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), decides) ||
         std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](const Input& input) { return gives_sizes[index_of(input.value)]; });
}

}  // namespace vitrail::engine_detail
