#include "vitrail/graph/part.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

std::vector<bool> needed_values(const Graph& graph, const std::vector<Output>& outputs) {
  std::vector<bool> needed(static_cast<size_t>(graph.value_count()), false);
  for (const Output& output : outputs)
    needed.at(static_cast<size_t>(output.value.id)) = true;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    const bool used = std::any_of(node->outputs.begin(), node->outputs.end(),
                                  [&](Value v) { return needed[static_cast<size_t>(v.id)]; });
    if (!used) continue;
    for (const Value value : node->inputs)
      if (value.exists()) needed[static_cast<size_t>(value.id)] = true;
  }
  return needed;
}

}  // namespace

Graph computing(const Graph& graph, const std::vector<Output>& outputs, bool every_input) {
  const std::vector<bool> needed = needed_values(graph, outputs);
  const auto is_needed = [&](Value value) { return needed[static_cast<size_t>(value.id)]; };
  Graph kept;
  std::vector<Value> mapped(needed.size());
  const auto at = [&](Value value) -> Value& { return mapped[static_cast<size_t>(value.id)]; };
  for (const Input& input : graph.inputs())
    if (every_input || is_needed(input.value))
      at(input.value) = kept.input(input.name, graph.shape(input.value), graph.type(input.value));
  for (int32_t id = 0; id < graph.value_count(); ++id)
    if (const Parameter* parameter = graph.parameter_of({id}); parameter != nullptr && is_needed({id}))
      at({id}) = kept.parameter(*parameter);
  for (const Node& node : graph.nodes()) {
    if (std::none_of(node.outputs.begin(), node.outputs.end(), is_needed)) continue;
    std::vector<Value> inputs;
    for (const Value value : node.inputs)
      inputs.push_back(value.exists() ? at(value) : Value{});
    kept.add(node.op, inputs, node.name);
    const Node& copy = kept.nodes().back();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      at(node.outputs[i]) = copy.outputs[i];
  }
  for (const Output& output : outputs)
    kept.output(output.name, at(output.value), output.training_only);
  return kept;
}

Graph part_of(const Graph& graph, const std::vector<std::string>& outputs) {
  std::vector<std::string> names;
  for (const Output& output : graph.outputs())
    names.push_back(output.name);
  std::vector<Output> wanted;
  for (const std::string& name : outputs) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw Error(ErrorKind::usage, {.where = "part of a network",
                                     .found = cat("no output '", name, "'"),
                                     .next = did_you_mean(name, names)});
    wanted.push_back(graph.outputs()[static_cast<size_t>(found - names.begin())]);
  }
  return computing(graph, wanted, false);
}

std::vector<Graph> parts_of(const Graph& graph) {
  std::vector<std::vector<std::string>> inputs;  // by part
  std::vector<std::vector<Output>> outputs;
  for (const Output& output : graph.outputs()) {
    std::vector<std::string> reads;
    const Graph alone = computing(graph, {output}, false);
    for (const Input& input : alone.inputs())
      reads.push_back(input.name);
    const auto part = static_cast<size_t>(std::find(inputs.begin(), inputs.end(), reads) - inputs.begin());
    if (part == inputs.size()) {
      inputs.push_back(std::move(reads));
      outputs.emplace_back();
    }
    outputs[part].push_back(output);
  }
  std::vector<Graph> parts;
  for (const std::vector<Output>& wanted : outputs)
    parts.push_back(computing(graph, wanted, false));
  return parts;
}

Weights weights_of(const Graph& part, const Weights& weights) {
  Weights own;
  for (const Parameter& parameter : part.parameters())
    if (const auto found = weights.find(parameter.name); found != weights.end()) own.insert(*found);
  return own;
}

}  // namespace vitrail
