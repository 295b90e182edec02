#include "vitrail/graph/cost.h"

#include <algorithm>
#include <set>

#include "vitrail/base/checked.h"
#include "vitrail/graph/liveness.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

bool is_open(const Shape& shape) {
  return std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; });
}

// Whether a size of it depends on what the network computes.
bool is_open(const Node& node, const ShapeTable& shapes) {
  const auto open = [&](Value value) { return value.exists() && is_open(shapes[value]); };
  return std::any_of(node.inputs.begin(), node.inputs.end(), open) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), open);
}

int64_t bytes_of(const Graph& graph, Value value, const ShapeTable& shapes) {
  if (is_open(shapes[value])) return 0;
  return checked_mul(element_count(shapes[value]), size_of(graph.type(value)), "activations");
}

int64_t multiply_adds(const Node& node, const ShapeTable& shapes) {
  if (is_open(node, shapes)) return 0;
  const auto input = [&](size_t i) -> const Shape& { return shapes[node.inputs[i]]; };
  const int64_t output = element_count(shapes[node.outputs[0]]);
  const auto product = [&](const std::vector<int64_t>& sizes) { return checked_product(sizes, node.name); };
  if (std::holds_alternative<op::Conv>(node.op))
    return product({output, input(1)[1], input(1)[2], input(1)[3]});
  if (std::holds_alternative<op::ConvTranspose>(node.op))
    return product({element_count(input(0)), input(1)[1], input(1)[2], input(1)[3]});
  if (std::holds_alternative<op::MatMul>(node.op)) return product({output, input(0).back()});
  if (const auto* votes = std::get_if<op::DynamicDeconvolution>(&node.op))
    // Each pixel of the evidence is spread over nine (exact), or each of the result is scaled (matrix).
    return votes->form == op::DynamicDeconvolution::Form::exact ? product({element_count(input(0)), 9})
                                                                : output;
  if (std::holds_alternative<op::Encoding>(node.op))  // the distances to the codewords, and the weighted sums
    return product({element_count(input(0)), input(1)[0], 2});
  return 0;
}

int64_t output_bytes(const Graph& graph, const Node& node, const ShapeTable& shapes) {
  int64_t bytes = 0;
  for (const Value value : node.outputs)
    bytes = checked_add(bytes, bytes_of(graph, value, shapes), node.name);
  return bytes;
}

// A parameter counts once, at the first node that reads it.
void count_parameters(const Graph& graph, const Node& node, std::set<int32_t>& counted, LayerCost& layer) {
  for (const Value value : node.inputs) {
    const Parameter* parameter = value.exists() ? graph.parameter_of(value) : nullptr;
    if (parameter == nullptr || parameter->role == Role::constant || !counted.insert(value.id).second)
      continue;
    const int64_t count = element_count(parameter->shape);
    if (parameter->role == Role::learnable) layer.parameters += count;
    layer.parameters_with_running_statistics += count;
  }
}

int64_t peak_bytes(const Graph& graph, const ShapeTable& shapes) {
  const std::vector<Lifetime> lives = lifetimes(graph);
  std::vector<int64_t> change(graph.nodes().size() + 3, 0);  // at position made + 1 (inputs are made at -1)
  for (int32_t id = 0; id < graph.value_count(); ++id) {
    const Value value{id};
    if (graph.parameter_of(value) != nullptr) continue;
    const int64_t bytes = bytes_of(graph, value, shapes);
    const Lifetime life = lives[static_cast<size_t>(id)];
    change[static_cast<size_t>(life.made + 1)] += bytes;
    change[static_cast<size_t>(life.last_read + 2)] -= bytes;
  }
  int64_t alive = 0, peak = 0;
  for (const int64_t delta : change)
    peak = std::max(peak, alive += delta);
  return peak;
}

Cost cost_at(const Graph& graph, const ShapeTable& shapes) {
  Cost cost;
  std::set<int32_t> counted;
  for (const Node& node : graph.nodes()) {
    LayerCost layer;
    layer.name = node.name;
    layer.type = type_name(node.op);
    layer.output = shapes[node.outputs[0]];
    count_parameters(graph, node, counted, layer);
    layer.multiply_adds = multiply_adds(node, shapes);
    layer.activation_bytes = output_bytes(graph, node, shapes);
    cost.open_layers += is_open(node, shapes) ? 1 : 0;
    cost.parameters_learnable += layer.parameters;
    cost.parameters_with_running_statistics += layer.parameters_with_running_statistics;
    cost.multiply_adds = checked_add(cost.multiply_adds, layer.multiply_adds, "multiply-adds");
    cost.activation_bytes = checked_add(cost.activation_bytes, layer.activation_bytes, "activation bytes");
    cost.layers.push_back(std::move(layer));
  }
  cost.peak_bytes = peak_bytes(graph, shapes);
  return cost;
}

}  // namespace

Cost cost_of(const Graph& whole, const std::map<std::string, Shape>& inputs) {
  const Graph graph = whole.for_inference();
  return cost_at(graph, infer_shapes(graph, inputs, OpenSizes::kept));
}

Cost cost_of(const Graph& whole, const Shape& input) {
  const Graph graph = whole.for_inference();
  return cost_at(graph, infer_shapes(graph, input, OpenSizes::kept));
}

}  // namespace vitrail
