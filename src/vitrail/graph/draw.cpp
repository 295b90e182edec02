#include "vitrail/graph/draw.h"

#include <map>
#include <sstream>

#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

// Batch normalisation and activations belong, for the eye, to the layer before them.
bool joins_its_producer(const Op& op) {
  return std::holds_alternative<op::BatchNormalization>(op) || std::holds_alternative<op::Relu>(op) ||
         std::holds_alternative<op::Clip>(op) || std::holds_alternative<op::Sigmoid>(op) ||
         std::holds_alternative<op::Unary>(op) || std::holds_alternative<op::InstanceNormalization>(op) ||
         std::holds_alternative<op::LayerNormalization>(op) || std::holds_alternative<op::Dropout>(op);
}

std::vector<int> reader_counts(const Graph& graph) {
  std::vector<int> readers(static_cast<size_t>(graph.value_count()), 0);
  for (const Node& node : graph.nodes())
    for (const Value value : node.inputs)
      if (value.exists()) ++readers[static_cast<size_t>(value.id)];
  for (const Output& output : graph.outputs())
    ++readers[static_cast<size_t>(output.value.id)];
  return readers;
}

struct Box {
  std::string name, text;
  Shape output;
  std::vector<int> from;
};

std::string fill_color(const std::string& text) {
  if (text.starts_with("Conv")) return "#cfe3ff";
  if (text.find("Pool") != std::string::npos) return "#ffe2c4";
  if (text.starts_with("Resize")) return "#d9f2d9";
  if (text.starts_with("input") || text.starts_with("output")) return "#f3e3ff";
  return "#eeeeee";
}

std::vector<Box> boxes_of(const Graph& graph, const ShapeTable& shapes) {
  std::vector<Box> boxes;
  std::vector<int> box_of(static_cast<size_t>(graph.value_count()), -1);
  const std::vector<int> readers = reader_counts(graph);
  for (const Input& input : graph.inputs()) {
    box_of[static_cast<size_t>(input.value.id)] = static_cast<int>(boxes.size());
    boxes.push_back({input.name, "input", shapes[input.value], {}});
  }
  for (const Node& node : graph.nodes()) {
    if (shapes.content(node.outputs[0]).defined()) continue;  // arithmetic on sizes is not for the eye
    const Value first = node.inputs.empty() ? Value{} : node.inputs[0];
    int box = first.exists() ? box_of[static_cast<size_t>(first.id)] : -1;
    if (joins_its_producer(node.op) && box >= 0 && readers[static_cast<size_t>(first.id)] == 1 &&
        graph.producer_of(first) != nullptr) {
      boxes[static_cast<size_t>(box)].text += cat(" + ", type_name(node.op));
    } else {
      box = static_cast<int>(boxes.size());
      boxes.push_back({node.name, std::string(type_name(node.op)), shapes[node.outputs[0]], {}});
      for (const Value value : node.inputs)
        if (value.exists() && box_of[static_cast<size_t>(value.id)] >= 0)
          boxes.back().from.push_back(box_of[static_cast<size_t>(value.id)]);
    }
    for (const Value value : node.outputs)
      box_of[static_cast<size_t>(value.id)] = box;
  }
  for (const Output& output : graph.outputs()) {
    boxes.push_back({output.name, "output", shapes[output.value], {}});
    const int box = box_of[static_cast<size_t>(output.value.id)];
    if (box >= 0) boxes.back().from.push_back(box);
  }
  return boxes;
}

}  // namespace

std::string graphviz(const Graph& whole, const std::map<std::string, Shape>& inputs) {
  const Graph graph = whole.for_inference();
  const std::vector<Box> boxes = boxes_of(graph, infer_shapes(graph, inputs, OpenSizes::kept));
  std::ostringstream dot;
  dot << "digraph network {\n  node [shape=box style=\"rounded,filled\" fontname=\"sans-serif\" "
         "fontsize=10];\n";
  for (size_t i = 0; i < boxes.size(); ++i) {
    dot << "  n" << i << " [label=\"" << json_escaped(boxes[i].name) << "\\n"
        << boxes[i].text << "\\n"
        << to_string(boxes[i].output) << "\" fillcolor=\"" << fill_color(boxes[i].text) << "\"];\n";
    for (const int from : boxes[i].from)
      dot << "  n" << from << " -> n" << i << ";\n";
  }
  dot << "}\n";
  return dot.str();
}

std::string graphviz(const Graph& graph, const Shape& input) {
  return graphviz(graph, std::map<std::string, Shape>{{graph.inputs().at(0).name, input}});
}

}  // namespace vitrail
