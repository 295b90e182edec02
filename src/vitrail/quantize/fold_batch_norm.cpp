#include "vitrail/quantize/fold_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "vitrail/base/text.h"

namespace vitrail {
namespace {

class Folder {
 public:
  explicit Folder(const Model& model)
      : from_(model), value_of_(static_cast<size_t>(model.graph.value_count())) {
    for (const Node& node : from_.graph.nodes())
      for (const Value input : node.inputs)
        if (input.exists()) readers_[input.id].push_back(&node);
    for (const Output& output : from_.graph.outputs())
      readers_[output.value.id].push_back(nullptr);
  }

  Model run() {
    for (const Input& input : from_.graph.inputs())
      at(input.value) =
          to_.graph.input(input.name, from_.graph.shape(input.value), from_.graph.type(input.value));
    for (const Node& node : from_.graph.nodes())
      add(node);
    for (const Output& output : from_.graph.outputs())
      to_.graph.output(output.name, at(output.value), output.training_only);
    to_.info = from_.info;
    return std::move(to_);
  }

 private:
  Value& at(Value value) { return value_of_.at(static_cast<size_t>(value.id)); }

  Value input(Value value) {
    if (!value.exists()) return {};
    const Parameter* parameter = from_.graph.parameter_of(value);
    if (parameter && !at(value).exists()) {
      at(value) = to_.graph.parameter(*parameter);
      to_.weights[parameter->name] = from_.weights.at(parameter->name);
    }
    return at(value);
  }

  Tensor tensor(Value value) const {
    return from_.weights.at(from_.graph.parameter_of(value)->name).to_f32();
  }
  bool are_parameters(const Node& node) const {
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](Value value) { return !value.exists() || from_.graph.parameter_of(value); });
  }

  /// The batch normalisation that alone reads this node's output.
  const Node* normalization_after(const Node& node) const {
    if (!std::holds_alternative<op::Conv>(node.op)) return nullptr;
    const auto found = readers_.find(node.outputs.at(0).id);
    if (found == readers_.end() || found->second.size() != 1 || found->second[0] == nullptr) return nullptr;
    const Node* next = found->second[0];
    const bool folds = std::holds_alternative<op::BatchNormalization>(next->op) && are_parameters(node) &&
                       are_parameters(*next);
    return folds ? next : nullptr;
  }

  void add(const Node& node) {
    if (const Node* normalization = normalization_after(node)) {
      at(normalization->outputs.at(0)) = fold(node, *normalization);
      folded_[normalization] = true;
    } else if (!folded_.contains(&node)) {
      std::vector<Value> inputs;
      for (const Value value : node.inputs)
        inputs.push_back(input(value));
      to_.graph.add(node.op, std::move(inputs), node.name);
      const Node& made = to_.graph.nodes().back();
      for (size_t i = 0; i < node.outputs.size(); ++i)
        at(node.outputs[i]) = made.outputs[i];
    }
  }

  /// What convolutions of the same parameters share, folded once.
  struct Folded {
    Value weight, bias;
  };

  Folded parameters(const Node& conv, const Node& normalization) {
    std::string key = cat(std::get<op::BatchNormalization>(normalization.op).epsilon);
    for (const Node* node : {&conv, &normalization})
      for (size_t i = 1; i < node->inputs.size(); ++i)
        key += cat(" ", node->inputs[i].id);
    const auto [found, is_new] = shared_.try_emplace(key);
    if (is_new) found->second = folded_parameters(conv, normalization);
    return found->second;
  }

  Value fold(const Node& conv, const Node& normalization) {
    const Folded folded = parameters(conv, normalization);
    return to_.graph.add(conv.op, {input(conv.inputs.at(0)), folded.weight, folded.bias}, conv.name);
  }

  Folded folded_parameters(const Node& conv, const Node& normalization) {
    const double epsilon = std::get<op::BatchNormalization>(normalization.op).epsilon;
    Tensor weight = tensor(conv.inputs.at(1)).clone();
    const int64_t channels = weight.size(0), each = weight.elements() / channels;
    Tensor bias = Tensor::zeros(DataType::f32, {channels});
    const bool has_bias = conv.inputs.size() > 2 && conv.inputs[2].exists();
    const auto value = [&](size_t i, size_t c) {
      return double{tensor(normalization.inputs.at(i)).data<float>()[c]};  // gamma, beta, mean, variance
    };
    for (int64_t i = 0; i < channels; ++i) {
      const auto c = static_cast<size_t>(i);
      const double scale = value(1, c) / std::sqrt(value(4, c) + epsilon);
      for (int64_t k = i * each; k < (i + 1) * each; ++k)
        weight.data<float>()[static_cast<size_t>(k)] *= static_cast<float>(scale);
      const double before = has_bias ? double{tensor(conv.inputs[2]).data<float>()[c]} : 0;
      bias.data<float>()[c] = static_cast<float>((before - value(3, c)) * scale + value(2, c));
    }
    return {parameter(conv.name + ".folded_weight", std::move(weight)),
            parameter(conv.name + ".folded_bias", std::move(bias))};
  }

  Value parameter(const std::string& name, Tensor tensor) {
    const Value value = to_.graph.parameter({.name = name, .shape = tensor.shape()});
    to_.weights[name] = std::move(tensor);
    return value;
  }

  const Model& from_;
  Model to_;
  std::vector<Value> value_of_;
  std::map<int32_t, std::vector<const Node*>> readers_;
  std::map<const Node*, bool> folded_;
  std::map<std::string, Folded> shared_;  ///< by what both nodes read
};

}  // namespace

Model folded(const Model& model) {
  return Folder(model).run();
}

}  // namespace vitrail
