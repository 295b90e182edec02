#include "vitrail/graph/inlined.h"

#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

std::vector<Value> inlined(Graph& graph, const Graph& part, const std::map<std::string, Value>& inputs) {
  std::vector<Value> mapped(static_cast<size_t>(part.value_count()));
  const auto at = [&](Value value) -> Value& { return mapped[static_cast<size_t>(value.id)]; };
  for (const Input& input : part.inputs()) {
    const auto given = inputs.find(input.name);
    if (given == inputs.end())
      throw Error(ErrorKind::usage, {.where = "graph inside of another",
                                     .found = cat("no value for its input '", input.name, "'")});
    at(input.value) = given->second;
  }
  for (int32_t id = 0; id < part.value_count(); ++id)
    if (const Parameter* parameter = part.parameter_of({id})) {
      const Value there = graph.value_of_parameter(parameter->name);
      at({id}) = there.exists() ? there : graph.parameter(*parameter);
    }
  std::set<std::string> taken;
  for (const Node& node : graph.nodes())
    taken.insert(node.name);
  for (const Node& node : part.nodes()) {
    std::vector<Value> reads;
    for (const Value value : node.inputs)
      reads.push_back(value.exists() ? at(value) : Value{});
    graph.add(node.op, reads, taken.contains(node.name) ? "" : node.name);
    const Node& copy = graph.nodes().back();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      at(node.outputs[i]) = copy.outputs[i];
  }
  std::vector<Value> outputs;
  for (const Output& output : part.outputs())
    outputs.push_back(at(output.value));
  return outputs;
}

}  // namespace vitrail
