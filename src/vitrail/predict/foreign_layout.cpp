#include "vitrail/predict/foreign_layout.h"

#include <numeric>

namespace vitrail {
namespace {

const std::vector<int64_t> kToChannelsFirst{0, 3, 1, 2}, kToChannelsLast{0, 2, 3, 1};

// [N,H,W,C] as far as its sizes tell.
bool is_channels_last(const Shape& shape, int64_t channels) {
  return shape.size() == 4 && shape[3] == channels && shape[1] != channels;
}

class Adapter {
 public:
  explicit Adapter(const Model& model)
      : original_(model.graph),
        classes_(static_cast<int64_t>(model.info.classes.size())),
        image_channels_(static_cast<int64_t>(model.info.preprocessing.mean.size())),
        value_of_(static_cast<size_t>(original_.value_count())) {}

  bool changes_something() const { return changes_something_; }

  Graph adapted() {
    copy();
    for (const Output& output : original_.outputs())
      graph_.output(output.name, output.training_only ? at(output.value) : logits_of(output.value),
                    output.training_only);
    return std::move(graph_);
  }

 private:
  Value& at(Value original) { return value_of_.at(static_cast<size_t>(original.id)); }

  Value image(const Input& input) {
    const Shape shape = original_.shape(input.value);
    const DataType type = original_.type(input.value);
    const bool turned = is_channels_last(shape, image_channels_), of_floats = type == DataType::f32;
    const bool is_image = shape.size() == 4 && original_.inputs().size() == 1;
    if (!turned && (of_floats || !is_image)) return graph_.input(input.name, shape, type);
    changes_something_ = true;
    const Shape wanted = turned ? Shape{shape[0], shape[3], shape[1], shape[2]} : shape;
    Value value = graph_.input(input.name, wanted, is_image ? DataType::f32 : type);
    if (is_image && !of_floats) value = graph_.add(op::Cast{.to = type}, {value}, "prediction.numbers");
    if (!turned) return value;
    return graph_.add(op::Transpose{.permutation = kToChannelsLast}, {value}, "prediction.channels_last");
  }

  void copy() {
    for (const Input& input : original_.inputs())
      at(input.value) = image(input);
    for (const Parameter& parameter : original_.parameters())
      at(original_.value_of_parameter(parameter.name)) = graph_.parameter(parameter);
    for (const Node& node : original_.nodes()) {
      std::vector<Value> inputs;
      for (const Value value : node.inputs)
        inputs.push_back(value.exists() ? at(value) : Value{});
      graph_.add(node.op, std::move(inputs), node.name);
      const Node& made = graph_.nodes().back();
      for (size_t i = 0; i < node.outputs.size(); ++i)
        at(node.outputs[i]) = made.outputs[i];
    }
  }

  // What an ArgMax over classes read, where only conversions come after it.
  Value before_labels(Value value) const {
    while (const Node* node = original_.producer_of(value)) {
      if (const auto* labels = std::get_if<op::ArgMax>(&node->op)) {
        const Shape& shape = original_.shape(node->inputs[0]);
        const int64_t axis = labels->axis < 0 ? labels->axis + 4 : labels->axis;
        const bool over_classes =
            shape.size() == 4 && (axis == 1 || axis == 3) && shape[static_cast<size_t>(axis)] == classes_;
        return over_classes ? node->inputs[0] : Value{};
      }
      const bool is_conversion =
          std::holds_alternative<op::Cast>(node->op) || std::holds_alternative<op::Squeeze>(node->op) ||
          std::holds_alternative<op::Unsqueeze>(node->op) || std::holds_alternative<op::Identity>(node->op);
      if (!is_conversion) return {};
      value = node->inputs[0];
    }
    return {};
  }

  Value logits_of(Value output) {
    Value value = output;
    if (const Value scores = before_labels(output); scores.exists()) {
      value = scores;
      changes_something_ = true;
    }
    const Shape& shape = original_.shape(value);
    const bool of_floats = original_.type(value) == DataType::f32;
    if (of_floats && is_channels_last(shape, classes_)) {
      changes_something_ = true;
      return graph_.add(op::Transpose{.permutation = kToChannelsFirst}, {at(value)});
    }
    const bool is_map = shape.size() == 3 || (shape.size() == 4 && (shape[1] == 1 || shape[3] == 1));
    return !of_floats && is_map ? one_map_per_class(at(value)) : at(value);
  }

  // Labels [N,h,w], [N,1,h,w] or [N,h,w,1] compared with every class.
  Value one_map_per_class(Value labels) {
    changes_something_ = true;
    const Shape shape = graph_.shape(labels);
    if (graph_.type(labels) != DataType::i64) labels = graph_.add(op::Cast{.to = DataType::i64}, {labels});
    if (shape.size() == 4 && shape[1] != 1) labels = graph_.add(op::Squeeze{.axes = {3}}, {labels});
    if (graph_.shape(labels).size() == 3) labels = graph_.add(op::Unsqueeze{.axes = {1}}, {labels});
    std::vector<int64_t> numbers(static_cast<size_t>(classes_));
    std::iota(numbers.begin(), numbers.end(), 0);
    const Value all = graph_.add(op::Constant{.value = Tensor::from<int64_t>({classes_, 1, 1}, numbers)}, {});
    const Value is = graph_.add(op::Binary{.function = op::Binary::Function::equal}, {labels, all});
    return graph_.add(op::Cast{.to = DataType::f32}, {is});
  }

  const Graph& original_;
  int64_t classes_, image_channels_;
  std::vector<Value> value_of_;  // by the original's value id
  Graph graph_;
  bool changes_something_ = false;
};

}  // namespace

Model with_image_layout(Model model) {
  if (model.info.classes.empty() || model.info.task != Task::semantic) return model;
  Adapter adapter(model);
  Graph adapted = adapter.adapted();
  if (adapter.changes_something()) model.graph = std::move(adapted);
  return model;
}

}  // namespace vitrail
