#include "vitrail/onnx/fixed_sizes.h"

#include <map>
#include <utility>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::onnx_files {
namespace {

Shape fixed_shape(const Input& input, Shape shape, const OnnxExportOptions& options) {
  if (shape.size() != 4) return shape;
  const std::array<std::pair<size_t, int64_t>, 3> wanted{
      {{0, options.batch}, {2, options.height}, {3, options.width}}};
  for (const auto& [axis, size] : wanted) {
    if (size == 0) continue;
    if (size < 0 || (shape[axis] >= 0 && shape[axis] != size))
      throw Error(ErrorKind::usage,
                  {.where = cat("ONNX export, input '", input.name, "'"),
                   .found = cat("size ", size, " is asked for"),
                   .allowed = cat("the graph reads ", to_string(shape), "; 0 leaves a size open")});
    shape[axis] = size;
  }
  return shape;
}

// The shape to try: unknown sizes become the given ones, and anything else that is unknown 1.
Shape tried_shape(Shape shape, int64_t height, int64_t width) {
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] < 0) shape[axis] = axis == 2 ? height : axis == 3 ? width : 1;
  return shape;
}

}  // namespace

Graph with_fixed_sizes(const Graph& graph, const OnnxExportOptions& options) {
  Graph fixed;
  std::vector<Value> mapped(static_cast<size_t>(graph.value_count()));
  const auto at = [&](Value value) -> Value& { return mapped[static_cast<size_t>(value.id)]; };
  for (const Input& input : graph.inputs())
    at(input.value) = fixed.input(input.name, fixed_shape(input, graph.shape(input.value), options),
                                  graph.type(input.value));
  for (int32_t id = 0; id < graph.value_count(); ++id)
    if (const Parameter* parameter = graph.parameter_of({id})) at({id}) = fixed.parameter(*parameter);
  for (const Node& node : graph.nodes()) {
    std::vector<Value> inputs;
    for (const Value value : node.inputs)
      inputs.push_back(value.exists() ? at(value) : Value{});
    fixed.add(node.op, std::move(inputs), node.name);
    const Node& copy = fixed.nodes().back();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      at(node.outputs[i]) = copy.outputs[i];
  }
  for (const Output& output : graph.outputs())
    fixed.output(output.name, at(output.value), output.training_only);
  return fixed;
}

std::vector<std::array<bool, 2>> keeps_input_size(const Graph& graph) {
  std::vector<std::array<bool, 2>> keeps(graph.outputs().size(), {true, true});
  for (const auto& [height, width] : {Pair{225, 323}, Pair{262, 291}}) {
    std::map<std::string, Shape> inputs;
    for (const Input& input : graph.inputs())
      inputs[input.name] = tried_shape(graph.shape(input.value), height, width);
    try {
      const ShapeTable shapes = infer_shapes(graph, inputs);
      for (size_t i = 0; i < keeps.size(); ++i) {
        const Shape& shape = shapes[graph.outputs()[i].value];
        keeps[i][0] = keeps[i][0] && shape.size() == 4 && shape[2] == height;
        keeps[i][1] = keeps[i][1] && shape.size() == 4 && shape[3] == width;
      }
    } catch (const Error&) {  // a network that only takes some sizes: its outputs get symbols of their own
      keeps.assign(keeps.size(), {false, false});
      break;
    }
  }
  return keeps;
}

}  // namespace vitrail::onnx_files
