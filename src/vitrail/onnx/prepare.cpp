#include "vitrail/onnx/prepare.h"

#include <limits>
#include <map>
#include <utility>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/loops.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/same_padding.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostBytes = std::numeric_limits<int32_t>::max();  // protobuf's bound on one message

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

void expect_weights(const Graph& graph, const Weights& weights) {
  std::vector<std::string> missing;
  int64_t bytes = 0;
  for (const Parameter& parameter : graph.parameters()) {
    const auto found = weights.find(parameter.name);
    if (found == weights.end()) {
      missing.push_back(parameter.name);
      continue;
    }
    if (found->second.shape() != parameter.shape)
      throw Error(ErrorKind::shape, {.where = cat("parameter '", parameter.name, "'"),
                                     .found = cat("its weight is ", to_string(found->second.shape())),
                                     .allowed = cat("the graph needs ", to_string(parameter.shape))});
    bytes = checked_add(bytes, checked_mul(found->second.elements(), 8, parameter.name), "ONNX export");
  }
  if (!missing.empty())
    throw Error(ErrorKind::usage,
                {.where = "ONNX export",
                 .found = cat("no value for ", missing.size(), " parameters: ", join(missing)),
                 .next = "Load or initialise the weights first"});
  if (bytes / 2 > kMostBytes)
    throw Error(ErrorKind::limit, {.where = "ONNX export",
                                   .found = cat("weights of ", bytes / 2, " bytes"),
                                   .allowed = cat("one ONNX file holds at most ", kMostBytes, " bytes")});
}

// The operator that goes into the file for `node`; a new weight takes its place among `inputs`.
Op settle(const Node& node, std::vector<Value>& inputs, Model& model) {
  const auto* conv = std::get_if<op::Conv>(&node.op);
  const Parameter* weight = conv == nullptr ? nullptr : model.graph.parameter_of(inputs[1]);
  if (weight == nullptr) return node.op;
  SettledConv settled =
      settled_same_padding(*conv, model.graph.shape(inputs[0]), model.weights.at(weight->name));
  if (settled.weight) {
    Parameter spread = *weight;
    spread.name = cat(node.name, ".", weight->name, ".spread");
    spread.shape = settled.weight->shape();
    model.weights[spread.name] = *settled.weight;
    inputs[1] = model.graph.parameter(std::move(spread));
  }
  return settled.conv;
}

// The shape to try: unknown sizes become the given ones, and anything else that is unknown 1.
Shape tried_shape(Shape shape, int64_t height, int64_t width) {
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] < 0) shape[axis] = axis == 2 ? height : axis == 3 ? width : 1;
  return shape;
}

}  // namespace

Model prepared_for_export(const Model& model, const OnnxExportOptions& options) {
  const Graph graph = model.graph.for_inference();
  refuse_loops(graph, "ONNX export");
  expect_weights(graph, model.weights);
  Model prepared{.graph = {}, .weights = model.weights, .info = model.info};
  Graph& fixed = prepared.graph;
  std::vector<Value> mapped(static_cast<size_t>(graph.value_count()));
  const auto at = [&](Value value) -> Value& { return mapped[static_cast<size_t>(value.id)]; };
  const OnnxExportOptions as_it_is;  // the crops of an instance segmentation network
  for (const Input& input : graph.inputs()) {
    const bool is_crop = model.info.task == Task::instance && input.name != graph.inputs()[0].name;
    at(input.value) =
        fixed.input(input.name, fixed_shape(input, graph.shape(input.value), is_crop ? as_it_is : options),
                    graph.type(input.value));
  }
  for (int32_t id = 0; id < graph.value_count(); ++id)
    if (const Parameter* parameter = graph.parameter_of({id})) at({id}) = fixed.parameter(*parameter);
  for (const Node& node : graph.nodes()) {
    std::vector<Value> inputs;
    for (const Value value : node.inputs)
      inputs.push_back(value.exists() ? at(value) : Value{});
    const Op op = settle(node, inputs, prepared);
    fixed.add(op, inputs, node.name);
    const Node& copy = fixed.nodes().back();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      at(node.outputs[i]) = copy.outputs[i];
  }
  for (const Output& output : graph.outputs())
    fixed.output(output.name, at(output.value));
  prepared.graph = fixed.for_inference();  // without the weights that settle() replaced
  if (options.height > 0) prepared.info.preprocessing.height = options.height;
  if (options.width > 0) prepared.info.preprocessing.width = options.width;
  return prepared;
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
