#include "vitrail/graph/shape_inference.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void set_input_shapes(const Graph& graph, const std::map<std::string, Shape>& inputs, ShapeTable& table) {
  std::vector<std::string> names;
  for (const Input& input : graph.inputs())
    names.push_back(input.name);
  for (const auto& [name, shape] : inputs)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(ErrorKind::usage, {.where = cat("input '", name, "'"),
                                     .found = "the graph has no such input",
                                     .next = did_you_mean(name, names)});
  for (const Input& input : graph.inputs()) {
    const auto given = inputs.find(input.name);
    if (given == inputs.end())
      throw Error(ErrorKind::usage, {.where = cat("input '", input.name, "'"),
                                     .found = "no shape is given",
                                     .next = cat("The graph reads ", join(names))});
    const Shape& declared = graph.shape(input.value);
    bool fits = given->second.size() == declared.size();
    for (size_t d = 0; fits && d < declared.size(); ++d)
      fits = given->second[d] > 0 && (declared[d] < 0 || declared[d] == given->second[d]);
    if (!fits)
      throw Error(ErrorKind::shape, {.where = cat("input '", input.name, "'"),
                                     .found = to_string(given->second),
                                     .allowed = cat("the graph reads ", to_string(declared))});
    table[input.value] = given->second;
  }
}

// Sizes that depend on the values that flow through the network cannot be planned for.
void expect_known(const Shape& shape) {
  if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; }))
    throw Error(ErrorKind::unsupported,
                {.found = cat("the result ", to_string(shape), " has a size that depends on computed values"),
                 .allowed = "every size must follow from the sizes of the inputs and from constants"});
}

}  // namespace

ShapeTable infer_shapes(const Graph& graph, const std::map<std::string, Shape>& inputs, OpenSizes open) {
  ShapeTable table(graph.value_count());
  for (int32_t id = 0; id < graph.value_count(); ++id)
    if (const Parameter* parameter = graph.parameter_of({id})) table[{id}] = parameter->shape;
  set_input_shapes(graph, inputs, table);
  std::vector<OpInput> known;
  std::map<int32_t, OpResult> partly;  // by value: contents of which some elements are known
  for (const Node& node : graph.nodes()) {
    known.clear();
    for (const Value value : node.inputs) {
      known.push_back({.present = value.exists()});
      if (!value.exists()) continue;
      known.back().shape = table[value];
      known.back().type = graph.type(value);
      known.back().content = table.content(value);
      if (const auto found = partly.find(value.id); found != partly.end()) {
        known.back().content = found->second.content;
        known.back().known = found->second.known;
      }
    }
    try {
      std::vector<OpResult> results = op_results(node.op, known);
      for (size_t i = 0; i < results.size(); ++i) {
        if (open == OpenSizes::refused) expect_known(results[i].shape);
        table[node.outputs[i]] = results[i].shape;
        if (results[i].known.defined())
          partly[node.outputs[i].id] = std::move(results[i]);
        else
          table.set_content(node.outputs[i], std::move(results[i].content));
      }
    } catch (const Error& error) {
      ErrorParts parts = error.parts();
      parts.where = cat("node '", node.name, "' (", type_name(node.op), ")");
      throw Error(error.kind(), parts);
    }
  }
  return table;
}

ShapeTable infer_shapes(const Graph& graph, const Shape& input, OpenSizes open) {
  if (graph.inputs().size() != 1)
    throw Error(ErrorKind::usage, {.where = "shape inference",
                                   .found = cat("the graph has ", graph.inputs().size(), " inputs"),
                                   .allowed = "one shape was given"});
  return infer_shapes(graph, {{graph.inputs()[0].name, input}}, open);
}

}  // namespace vitrail
