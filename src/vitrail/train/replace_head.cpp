#include "vitrail/train/replace_head.h"

#include <algorithm>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

constexpr double fresh_deviation = 0.01;

/// The mean over the first dimension, `count` times.
Tensor repeated_mean(const Tensor& tensor, int64_t count) {
  Shape shape = tensor.shape();
  const auto rows = static_cast<size_t>(shape[0]);
  shape[0] = count;
  const Tensor source = tensor.to_f32();
  Tensor result = Tensor::zeros(DataType::f32, shape);
  const size_t size = source.data<float>().size() / rows;
  for (size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (size_t row = 0; row < rows; ++row)
      sum += source.data<float>()[row * size + i];
    for (size_t copy = 0; copy < static_cast<size_t>(count); ++copy)
      result.data<float>()[copy * size + i] = static_cast<float>(sum / static_cast<double>(rows));
  }
  return result;
}

class Walk {
 public:
  Walk(const Model& model, int64_t old_classes, int64_t classes)
      : model_(model), graph_(model.graph), old_(old_classes), classes_(classes) {}

  void visit(Value value) {
    if (!seen_.insert(value.id).second) return;
    const Node* node = graph_.producer_of(value);
    if (node == nullptr) fail(graph_.name_of(value), "is no convolution's result");
    std::visit(Overload{
                   [&](const op::Conv& op) { convolution(*node, op); },
                   [&](const op::ConvTranspose& op) { transposed(*node, op); },
                   [&](const op::Add&) { both(*node); },
                   [&](const op::Mul&) { scaled(*node); },
                   [&](const op::Binary& op) { largest(*node, op); },
                   [&](const auto& op) {
                     if (!keeps_channels(op)) fail(node->name, cat("is a ", type_name(node->op)));
                     visit(node->inputs.at(0));
                   },
               },
               node->op);
  }

  HeadChange change;

 private:
  template <class T>
  static constexpr bool keeps_channels(const T&) {
    return std::is_same_v<T, op::Resize> || std::is_same_v<T, op::Crop> || std::is_same_v<T, op::Pad> ||
           std::is_same_v<T, op::Identity> || std::is_same_v<T, op::Dropout> || std::is_same_v<T, op::Relu> ||
           std::is_same_v<T, op::Clip> || std::is_same_v<T, op::Unary> || std::is_same_v<T, op::MaxPool> ||
           std::is_same_v<T, op::AveragePool> || std::is_same_v<T, op::DynamicDeconvolution>;
  }

  [[noreturn]] static void fail(const std::string& name, const std::string& what) {
    throw Error(
        ErrorKind::unsupported,
        {.where = "replacing the head",
         .found = cat("'", name, "' ", what, ", before a convolution was met"),
         .allowed = "logits that come from convolutions through resizing, cropping, activations, sums and "
                    "maxima",
         .next = "Train with as many classes as the file has: map the labels with data.label_map"});
  }

  Parameter parameter_at(const Node& node, size_t input) const {
    const Parameter* parameter = graph_.parameter_of(node.inputs.at(input));
    if (parameter == nullptr) fail(node.name, "has weights that are computed in the network");
    return *parameter;
  }

  void replace(Parameter parameter, size_t dimension, Init init) {
    parameter.shape.at(dimension) = classes_;
    parameter.init = init;
    change.parameters[parameter.name] = parameter;
  }
  void replace_bias(const Node& node) {
    if (node.inputs.size() > 2 && node.inputs[2].exists()) replace(parameter_at(node, 2), 0, init::Zeros{});
  }
  void keep_per_class(const Node& node) {
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!node.inputs[i].exists()) continue;
      const Parameter parameter = parameter_at(node, i);
      replace(parameter, 0, parameter.init);
      change.weights[parameter.name] = repeated_mean(model_.weights.at(parameter.name), classes_);
    }
  }

  void convolution(const Node& node, op::Conv op) {
    const Shape weight = parameter_at(node, 1).shape;
    if (op.group == 1) {
      replace(parameter_at(node, 1), 0, init::Normal{fresh_deviation});
      return replace_bias(node);
    }
    if (op.group != old_ || weight[0] != old_) fail(node.name, "is a convolution in groups");
    op.group = classes_;
    change.ops[node.name] = op;
    keep_per_class(node);
    visit(node.inputs[0]);
  }

  void transposed(const Node& node, op::ConvTranspose op) {
    Parameter weight = parameter_at(node, 1);
    if (op.group == old_ && weight.shape[0] == old_) {  // one kernel per class
      op.group = classes_;
      change.ops[node.name] = op;
      keep_per_class(node);
      return visit(node.inputs[0]);
    }
    if (op.group != 1) fail(node.name, "is a transposed convolution in groups");
    if (weight.shape[0] != old_) {
      replace(weight, 1, init::Normal{fresh_deviation});
      return replace_bias(node);
    }
    // Upsampling of scores, as FCN's: it begins again as bilinear interpolation.
    weight.shape[0] = classes_;
    replace(weight, 1, init::Bilinear{});
    replace_bias(node);
    visit(node.inputs[0]);
  }

  void both(const Node& node) {
    for (const Value input : node.inputs)
      if (const Parameter* bias = graph_.parameter_of(input))
        replace_added(node, *bias);
      else
        visit(input);
  }

  bool is_number(Value value) const {
    if (const Parameter* parameter = graph_.parameter_of(value)) return element_count(parameter->shape) == 1;
    const Node* node = graph_.producer_of(value);
    const auto* constant = node == nullptr ? nullptr : std::get_if<op::Constant>(&node->op);
    return constant != nullptr && constant->value.elements() == 1;
  }

  // Scores times a number: the mean of several.
  void scaled(const Node& node) {
    const bool first = is_number(node.inputs.at(0)), second = is_number(node.inputs.at(1));
    if (first == second) fail(node.name, "is a product");
    visit(node.inputs[first ? 1 : 0]);
  }

  // The largest of several scales' scores.
  void largest(const Node& node, const op::Binary& op) {
    if (op.function != op::Binary::Function::maximum) fail(node.name, cat("is a ", type_name(node.op)));
    for (const Value input : node.inputs) {
      if (graph_.parameter_of(input) != nullptr) fail(node.name, "compares with a constant of the network");
      visit(input);
    }
  }

  // A bias that the exporter wrote as a sum.
  void replace_added(const Node& node, const Parameter& bias) {
    if (element_count(bias.shape) == 1) return;
    const size_t rank = bias.shape.size();
    if (rank < 3 || bias.shape[rank - 3] != old_) fail(node.name, "adds a constant of the network");
    replace(bias, rank - 3, init::Zeros{});
  }

  const Model& model_;
  const Graph& graph_;
  int64_t old_, classes_;
  std::set<int32_t> seen_;
};

}  // namespace

HeadChange head_change(const Model& model, Value logits, int64_t classes) {
  Walk walk(model, model.graph.channels(logits), classes);
  walk.visit(logits);
  return std::move(walk.change);
}

}  // namespace vitrail::train
