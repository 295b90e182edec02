#include "vitrail/engine/network.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

bool is_float(DataType type) {
  return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16 || type == DataType::f64;
}

void expect_weights(const Graph& graph, const Weights& weights) {
  std::vector<std::string> faults;
  for (const Parameter& parameter : graph.parameters()) {
    const auto found = weights.find(parameter.name);
    if (found == weights.end() || !found->second.defined())
      faults.push_back(cat("'", parameter.name, "' (", to_string(parameter.shape), ") has no value"));
    else if (found->second.shape() != parameter.shape)
      faults.push_back(cat("'", parameter.name, "' is ", to_string(found->second.shape()), ", ",
                           to_string(parameter.shape), " is needed"));
  }
  if (!faults.empty())
    throw Error(ErrorKind::usage, {.where = "weights",
                                   .found = cat(faults.size(), " of ", graph.parameters().size(),
                                                " parameters: ", join(faults)),
                                   .next = "Load weights that were made for this network"});
}

// The size that a Resize computes its coordinates with, where it is not an attribute.
void set_target(op::Resize& resize, const Layer& layer, const Network& network, const Shape& output) {
  const auto given = [&](size_t i) { return layer.inputs.size() > i && layer.inputs[i] != no_value; };
  if (given(2) && network.value(layer.inputs[2]).type == DataType::f32) {
    const auto scales = network.value(layer.inputs[2]).constant.data<float>();
    resize.scales = {scales[0], scales[1]};
  } else if (given(1) || given(2)) {
    resize.sizes = Pair{output[2], output[3]};
    resize.scales.reset();
  }
}

// Inputs that only tell the size of the result are read no longer.
void drop_size_inputs(Layer& layer, const Network& network) {
  if (auto* resize = std::get_if<op::Resize>(&layer.op)) {
    set_target(*resize, layer, network, network.shape(layer.output));
    layer.inputs.resize(1);
  }
  if (std::holds_alternative<op::Crop>(layer.op) || std::holds_alternative<op::Reshape>(layer.op) ||
      std::holds_alternative<op::Expand>(layer.op))
    layer.inputs.resize(1);
  // Of whole numbers evaluate() does it, which asks for all inputs.
  const bool unpools =
      std::holds_alternative<op::MaxUnpool>(layer.op) && network.value(layer.inputs[0]).type == DataType::f32;
  if (unpools || std::holds_alternative<op::DynamicDeconvolution>(layer.op)) layer.inputs.resize(2);
}

}  // namespace

ValueId Network::add_constant(std::string name, Tensor tensor) {
  values.push_back({std::move(name), tensor.type(), tensor.shape(), std::move(tensor)});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Network::add_value(std::string name, Shape shape) {
  NetworkValue value;
  value.name = std::move(name);
  value.shape = std::move(shape);
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

Network build_network(const Graph& graph, const Weights& weights) {
  expect_weights(graph, weights);
  Network network;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    NetworkValue value{graph.name_of({id}), graph.type({id}), {}, {}};
    if (const Parameter* parameter = graph.parameter_of({id})) {
      value.shape = parameter->shape;
      const Tensor& tensor = weights.at(parameter->name);
      value.constant = is_float(tensor.type()) ? tensor.to_f32() : tensor;
      value.type = value.constant.type();
    }
    network.values.push_back(std::move(value));
  }
  for (const Node& node : graph.nodes()) {
    Layer layer;
    layer.name = node.name;
    layer.op = node.op;
    for (const Value input : node.inputs)
      layer.inputs.push_back(input.id);
    layer.output = node.outputs.at(0).id;
    network.layers.push_back(std::move(layer));
  }
  for (const Input& input : graph.inputs())
    network.inputs.push_back({input.name, input.value.id});
  for (const Output& output : graph.outputs())
    network.outputs.push_back({output.name, output.value.id});
  return network;
}

Network bind_shapes(const Network& network, const Graph& graph, const std::vector<Shape>& inputs) {
  std::map<std::string, Shape> by_name;
  for (size_t i = 0; i < inputs.size(); ++i)
    by_name[network.inputs[i].name] = inputs[i];
  const ShapeTable table = infer_shapes(graph, by_name);
  Network bound = network;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    NetworkValue& value = bound.value(id);
    value.shape = table[Value{id}];
    if (const Tensor& content = table.content(Value{id}); content.defined() && !value.constant.defined())
      value.constant = content;
  }
  for (Layer& layer : bound.layers)
    drop_size_inputs(layer, bound);
  std::erase_if(bound.layers, [&](const Layer& layer) { return bound.is_constant(layer.output); });
  return bound;
}

std::vector<int64_t> use_counts(const Network& network) {
  std::vector<int64_t> uses(network.values.size(), 0);
  const auto count = [&](ValueId id) {
    if (id != no_value) ++uses[static_cast<size_t>(id)];
  };
  for (const Layer& layer : network.layers) {
    for (const ValueId input : layer.inputs)
      count(input);
    count(layer.residual);
  }
  for (const NetworkPort& output : network.outputs)
    count(output.value);
  return uses;
}

std::vector<int64_t> producers(const Network& network) {
  std::vector<int64_t> made(network.values.size(), -1);
  for (size_t i = 0; i < network.layers.size(); ++i)
    made[static_cast<size_t>(network.layers[i].output)] = static_cast<int64_t>(i);
  return made;
}

std::vector<int64_t> last_readers(const Network& network) {
  std::vector<int64_t> last(network.values.size(), -1);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    for (const ValueId input : network.layers[i].inputs)
      if (input != no_value) last[static_cast<size_t>(input)] = static_cast<int64_t>(i);
    if (network.layers[i].residual != no_value)
      last[static_cast<size_t>(network.layers[i].residual)] = static_cast<int64_t>(i);
  }
  for (const NetworkPort& output : network.outputs)
    last[static_cast<size_t>(output.value)] = static_cast<int64_t>(network.layers.size());
  return last;
}

int64_t sole_reader(const Network& network, const std::vector<int64_t>& uses, int64_t index) {
  const ValueId value = network.layers[static_cast<size_t>(index)].output;
  if (uses[static_cast<size_t>(value)] != 1) return -1;
  for (size_t i = static_cast<size_t>(index) + 1; i < network.layers.size(); ++i) {
    const std::vector<ValueId>& inputs = network.layers[i].inputs;
    if (std::find(inputs.begin(), inputs.end(), value) != inputs.end()) return static_cast<int64_t>(i);
  }
  return -1;
}

void replace_uses(Network& network, ValueId from, ValueId to) {
  for (Layer& layer : network.layers) {
    std::replace(layer.inputs.begin(), layer.inputs.end(), from, to);
    if (layer.residual == from) layer.residual = to;
  }
  for (NetworkPort& output : network.outputs)
    if (output.value == from) output.value = to;
}

}  // namespace vitrail::engine_detail
