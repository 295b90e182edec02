#include "vitrail/engine/network.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

// Why a node cannot run, or "" when it can.
class SupportCheck {
 public:
  explicit SupportCheck(const Graph& graph) : graph_(graph) {}

  std::string reason(const Node& node) const {
    for (const Value input : node.inputs)
      if (input.exists() && graph_.type(input) != DataType::f32 && !passes_integers(node.op))
        return cat("reads ", name_of(graph_.type(input)), "; only f32 can be read here");
    return std::visit([&](const auto& op) { return check(op, node); }, node.op);
  }

 private:
  static bool passes_integers(const Op& op) {
    return std::holds_alternative<op::Identity>(op) || std::holds_alternative<op::Dropout>(op);
  }
  std::string computed_parameter(const Node& node) const {
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (node.inputs[i].exists() && graph_.parameter_of(node.inputs[i]) == nullptr)
        return cat("input ", i, " is computed; weights must be parameters");
    return "";
  }
  std::string check(const op::Conv&, const Node& node) const { return computed_parameter(node); }
  std::string check(const op::BatchNormalization&, const Node& node) const {
    return computed_parameter(node);
  }
  std::string check(const op::ConvTranspose& conv, const Node& node) const {
    for (size_t d = 0; d < 2; ++d)
      if (conv.output_padding[d] > conv.pads[d + 2] + conv.strides[d])
        return cat("output_padding ", conv.output_padding[d], " exceeds pads + stride");
    return computed_parameter(node);
  }
  template <class Other>
  std::string check(const Other&, const Node&) const {
    return "";
  }

  const Graph& graph_;
};

void expect_supported(const Graph& graph) {
  std::vector<std::string> faults;
  for (const Input& input : graph.inputs())
    if (graph.type(input.value) != DataType::f32)
      faults.push_back(cat("input '", input.name, "' is ", name_of(graph.type(input.value)),
                           "; only f32 inputs can be read"));
  const SupportCheck support(graph);
  for (const Node& node : graph.nodes())
    if (const std::string reason = support.reason(node); !reason.empty())
      faults.push_back(cat("node '", node.name, "' (", type_name(node.op), ") ", reason));
  if (!faults.empty())
    throw Error(ErrorKind::unsupported,
                {.where = "engine", .found = join(faults, "; "), .next = "Remove or replace these nodes"});
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

void drop_reference(Layer& layer, const Shape& output) {
  if (auto* resize = std::get_if<op::Resize>(&layer.op); resize && layer.inputs.size() > 1) {
    if (layer.inputs[1] != no_value) resize->sizes = Pair{output[2], output[3]};
    layer.inputs = {layer.inputs[0]};
  }
  if (std::holds_alternative<op::Crop>(layer.op)) layer.inputs = {layer.inputs[0]};
}

}  // namespace

ValueId Network::add_constant(std::string name, Tensor tensor) {
  values.push_back({std::move(name), DataType::f32, tensor.shape(), std::move(tensor)});
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
  expect_supported(graph);
  expect_weights(graph, weights);
  Network network;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    NetworkValue value{graph.name_of({id}), graph.type({id}), {}, {}};
    if (const Parameter* parameter = graph.parameter_of({id})) {
      value.shape = parameter->shape;
      value.constant = weights.at(parameter->name).to_f32();
      value.type = DataType::f32;
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
  for (ValueId id = 0; id < graph.value_count(); ++id)
    bound.value(id).shape = table[Value{id}];
  for (Layer& layer : bound.layers)
    drop_reference(layer, bound.shape(layer.output));
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
