#include "vitrail/quantize/points.h"

#include <algorithm>
#include <map>

namespace vitrail {
namespace {

class Marker {
 public:
  explicit Marker(const Model& model) : model_(model), graph_(model.graph) {
    points_.group.assign(static_cast<size_t>(graph_.value_count()), -1);
  }

  QuantizationPoints run(const std::set<std::string>& keep) {
    for (const Node& node : graph_.nodes())
      if (!keep.contains(node.name) && can_be_quantized(node)) {
        points_.convolutions.push_back(&node);
        mark(node.inputs[0]);
      }
    for (int32_t id = 0; id < static_cast<int32_t>(points_.group.size()); ++id)
      if (points_.group[static_cast<size_t>(id)] >= 0) {
        points_.values.push_back({id});
        points_.group[static_cast<size_t>(id)] = root(id);
      }
    return std::move(points_);
  }

 private:
  bool is_map(Value value) const {
    return graph_.type(value) == DataType::f32 && graph_.shape(value).size() == 4 &&
           !graph_.parameter_of(value);
  }
  bool is_float_parameter(Value value) const {
    const Parameter* parameter = graph_.parameter_of(value);
    if (parameter == nullptr) return false;
    const DataType type = model_.weights.at(parameter->name).type();
    return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16;
  }
  bool can_be_quantized(const Node& node) const {
    return std::holds_alternative<op::Conv>(node.op) && is_map(node.inputs[0]) &&
           is_float_parameter(node.inputs[1]) &&
           (node.inputs.size() < 3 || !node.inputs[2].exists() || is_float_parameter(node.inputs[2]));
  }

  int32_t root(int32_t id) {
    while (points_.group[static_cast<size_t>(id)] != id)
      id = points_.group[static_cast<size_t>(id)];
    return id;
  }

  void mark(Value value) {
    int32_t& group = points_.group[static_cast<size_t>(value.id)];
    if (group >= 0) return;
    group = value.id;
    const Node* node = graph_.producer_of(value);
    if (node == nullptr) return;
    if (std::holds_alternative<op::MaxPool>(node->op)) return mark_together(*node);
    if (const auto* concat = std::get_if<op::Concat>(&node->op)) {
      if (concat->axis == 1) mark_together(*node);
      return;
    }
    if (std::holds_alternative<op::Relu>(node->op) || std::holds_alternative<op::Clip>(node->op))
      node = graph_.producer_of(node->inputs[0]);
    if (node && std::holds_alternative<op::Add>(node->op)) mark_terms(*node);
  }

  void mark_together(const Node& node) {
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), [&](Value input) { return is_map(input); }))
      return;
    for (const Value input : node.inputs) {
      mark(input);
      points_.group[static_cast<size_t>(root(input.id))] = root(node.outputs[0].id);
    }
  }

  void mark_terms(const Node& add) {
    const Value a = add.inputs[0], b = add.inputs[1];
    if (!is_map(a) || !is_map(b) || graph_.shape(a)[1] != graph_.shape(b)[1]) return;
    mark(a);
    mark(b);
  }

  const Model& model_;
  const Graph& graph_;
  QuantizationPoints points_;
};

}  // namespace

QuantizationPoints quantization_points(const Model& model, const std::set<std::string>& keep) {
  return Marker(model).run(keep);
}

bool is_never_negative(const Graph& graph, Value value) {
  const Node* node = graph.producer_of(value);
  if (node == nullptr) return false;
  const Op& op = node->op;
  if (const auto* clip = std::get_if<op::Clip>(&op)) return clip->min >= 0;
  if (std::holds_alternative<op::Relu>(op) || std::holds_alternative<op::Sigmoid>(op) ||
      std::holds_alternative<op::Softmax>(op))
    return true;
  const auto* resize = std::get_if<op::Resize>(&op);
  const bool keeps_sign =
      std::holds_alternative<op::MaxPool>(op) || std::holds_alternative<op::AveragePool>(op) ||
      std::holds_alternative<op::GlobalAveragePool>(op) || std::holds_alternative<op::AdaptivePool>(op) ||
      (resize && resize->mode != op::ResizeMode::cubic);
  if (keeps_sign) return is_never_negative(graph, node->inputs[0]);
  if (std::holds_alternative<op::Add>(op) || std::holds_alternative<op::Concat>(op))
    return std::all_of(node->inputs.begin(), node->inputs.end(),
                       [&](Value input) { return is_never_negative(graph, input); });
  return false;
}

}  // namespace vitrail
