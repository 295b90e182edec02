#include "vitrail/predict/prediction_graph.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

const Input& only_input(const Graph& graph) {
  if (graph.inputs().size() == 1 && graph.shape(graph.inputs()[0].value).size() == 4)
    return graph.inputs()[0];
  std::vector<std::string> names;
  bool volumes = false;
  for (const Input& input : graph.inputs()) {
    const Shape& shape = graph.shape(input.value);
    names.push_back(cat(input.name, " ", to_string(shape)));
    volumes = volumes || shape.size() == 5;
  }
  throw Error(
      ErrorKind::unsupported,
      {.where = "prediction",
       .found = cat("a network with the inputs ", join(names)),
       .allowed = "one image, N x C x H x W",
       .next = volumes
                   ? "It reads volumes, not pictures: the library's Engine (vitrail/engine/engine.h) runs it"
                   : ""});
}

/// Takes off the operators after the logits that do not change which class is largest.
Value logits_of(const Graph& graph, Value value) {
  while (const Node* node = graph.producer_of(value)) {
    const auto* softmax = std::get_if<op::Softmax>(&node->op);
    const auto* argmax = std::get_if<op::ArgMax>(&node->op);
    const bool sigmoid_of_one = std::holds_alternative<op::Sigmoid>(node->op) &&
                                graph.shape(value).size() == 4 && graph.channels(value) == 1;
    if (!(softmax && softmax->axis == 1) && !(argmax && argmax->axis == 1) && !sigmoid_of_one &&
        !std::holds_alternative<op::Identity>(node->op))
      break;
    value = node->inputs.at(0);
  }
  return value;
}

bool fits(const Graph& graph, Value logits, int64_t classes) {
  const Shape& shape = graph.shape(logits);
  return shape.size() == 4 && graph.type(logits) == DataType::f32 &&
         (shape[1] == classes || (shape[1] == 1 && classes == 2));
}

Value find_logits(const Graph& graph, int64_t classes) {
  std::vector<std::string> found;
  for (const Output& output : graph.outputs()) {
    if (output.training_only) continue;
    const Value logits = logits_of(graph, output.value);
    if (fits(graph, logits, classes)) return logits;
    found.push_back(cat(output.name, " ", to_string(graph.shape(logits))));
  }
  throw Error(ErrorKind::usage,
              {.where = "prediction",
               .found = cat("a model of ", classes, " classes whose network gives ", join(found)),
               .allowed = "N x classes x h x w, or one channel for two classes",
               .next = "Name as many classes as the network has channels (--classes)"});
}

void check_channels(const Graph& graph, const Model& model) {
  const int64_t channels = graph.shape(only_input(graph).value)[1];
  const auto means = static_cast<int64_t>(model.info.preprocessing.mean.size());
  if (channels >= 0 && channels != means)
    throw Error(ErrorKind::usage,
                {.where = "prediction",
                 .found = cat(means, " means for a network that takes ", channels, " channels"),
                 .next = "Give one mean and one std per channel (--mean, --std, --order)"});
}

/// Nodes, inputs and parameters of a graph, again, in a graph without outputs.
struct Copy {
  Graph graph;
  std::vector<Value> value_of;  ///< by the original's value id

  explicit Copy(const Graph& original) : value_of(static_cast<size_t>(original.value_count())) {
    for (const Input& input : original.inputs())
      at(input.value) = graph.input(input.name, original.shape(input.value), original.type(input.value));
    for (const Parameter& parameter : original.parameters())
      at(original.value_of_parameter(parameter.name)) = graph.parameter(parameter);
    for (const Node& node : original.nodes()) {
      std::vector<Value> inputs;
      for (const Value value : node.inputs)
        inputs.push_back(value.exists() ? at(value) : Value{});
      graph.add(node.op, std::move(inputs), node.name);
      const Node& copy = graph.nodes().back();
      for (size_t i = 0; i < node.outputs.size(); ++i)
        at(node.outputs[i]) = copy.outputs[i];
    }
  }
  Value& at(Value original) { return value_of.at(static_cast<size_t>(original.id)); }
};

/// The logits' shape; a network that cannot take sides of any length is told apart from a broken one.
Shape shape_of(const Graph& graph, Value logits, const Shape& input, int64_t multiple) {
  try {
    return infer_shapes(graph, input)[logits];
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::shape || multiple > 1) throw;
    ErrorParts parts = error.parts();
    parts.next = "If the network needs sides that divide by 32, say so: --multiple 32";
    throw Error(error.kind(), parts);
  }
}

/// Whether the logits have the input's height and width, at a size that divides by little.
bool fills_input(const Graph& graph, Value logits, const Model& model) {
  const Shape& declared = graph.shape(only_input(graph).value);
  const Preprocessing& p = model.info.preprocessing;
  const int64_t channels = static_cast<int64_t>(p.mean.size());
  const Pair fixed = fixed_input_size(model);
  const Shape input{declared[0] > 0 ? declared[0] : 1, channels,
                    fixed[0] ? fixed[0] : round_up(389, p.multiple),
                    fixed[1] ? fixed[1] : round_up(509, p.multiple)};
  const Shape shape = shape_of(graph, logits, input, p.multiple);
  return shape[2] == input[2] && shape[3] == input[3];
}

Value two_logits(Graph& graph, Weights& weights, Value logit) {
  const std::string name = "prediction.two_classes";
  const Value weight =
      graph.parameter({.name = name + ".weight", .shape = {2, 1, 1, 1}, .role = Role::constant});
  weights[name + ".weight"] = Tensor::from<float>({2, 1, 1, 1}, std::vector<float>{0, 1});
  return graph.add(op::Conv{}, {logit, weight}, name);
}

}  // namespace

Pair fixed_input_size(const Model& model) {
  const Shape& shape = model.graph.shape(only_input(model.graph).value);
  const Preprocessing& p = model.info.preprocessing;
  const Pair size{shape[2] > 0 ? shape[2] : p.height, shape[3] > 0 ? shape[3] : p.width};
  if ((size[0] > 0) != (size[1] > 0))
    throw Error(ErrorKind::unsupported,
                {.where = "prediction",
                 .found = cat("an input of ", size[0] > 0 ? cat("height ", size[0]) : cat("width ", size[1]),
                              " whose other side is free"),
                 .allowed = "both sides fixed, or neither"});
  return size;
}

void expect_image(const Graph& graph) {
  only_input(graph);
}

PredictionGraph prediction_graph(const Model& model, Ending ending) {
  const auto classes = static_cast<int64_t>(model.info.classes.size());
  check_channels(model.graph, model);
  const Value original_logits = find_logits(model.graph, classes);
  const bool resize = ending != Ending::logits && !fills_input(model.graph, original_logits, model);

  Copy copy(model.graph);
  PredictionGraph result{.weights = model.weights};
  Graph& graph = copy.graph;
  Value value = copy.at(original_logits);
  if (graph.channels(value) == 1 && classes == 2) value = two_logits(graph, result.weights, value);
  if (resize) value = graph.add(op::Resize{}, {value, graph.inputs()[0].value}, "prediction.resize");
  if (ending == Ending::labels) value = graph.add(op::ArgMax{}, {value}, "prediction.labels");
  if (ending == Ending::probabilities) value = graph.add(op::Softmax{}, {value}, "prediction.probabilities");
  graph.output("prediction", value);
  result.graph = graph.for_inference();
  return result;
}

}  // namespace vitrail
