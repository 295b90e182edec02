#pragma once
// One graph node as ONNX nodes; internal to onnx/.

#include <string>
#include <vector>

#include "vitrail/graph/graph.h"
#include "vitrail/onnx/shape_nodes.h"
#include "vitrail/onnx/writer.h"

namespace vitrail::onnx_files {

class NodeExporter {
 public:
  NodeExporter(const Graph& graph, OnnxWriter& writer)
      : graph_(graph),
        writer_(writer),
        shape_nodes_(writer),
        names_(static_cast<size_t>(graph.value_count())) {}

  /// The name of a value in the file; empty for an optional input that is left out.
  std::string name(Value value) const { return value.exists() ? names_[static_cast<size_t>(value.id)] : ""; }
  void set_name(Value value, std::string name) { names_[static_cast<size_t>(value.id)] = std::move(name); }

  /// Writes `node`; its outputs get names unless they have one.
  void write(const Node& node);

 private:
  onnx::NodeProto& emit(const Node& node, std::string_view type, std::vector<std::string> inputs);
  onnx::NodeProto& emit(const Node& node, std::string_view type);
  NamedValue named(Value value) const { return {name(value), graph_.shape(value)}; }
  Pair kernel_of(const Node& node) const;

  void write(const Node& node, const op::Conv& conv);
  void write(const Node& node, const op::ConvTranspose& conv);
  void write(const Node& node, const op::BatchNormalization& norm);
  void write(const Node& node, const op::Clip& clip);
  void write(const Node& node, const op::Concat& concat);
  void write(const Node& node, const op::MaxPool& pool);
  void write(const Node& node, const op::AveragePool& pool);
  void write(const Node& node, const op::Resize& resize);
  void write(const Node& node, const op::Crop& crop);
  void write(const Node& node, const op::Pad& pad);
  void write(const Node& node, const op::Softmax& softmax);
  void write(const Node& node, const op::ArgMax& argmax);
  void write(const Node& node, const op::Dropout& dropout);
  /// Relu, Add and the others whose whole meaning is their type.
  template <class Plain>
  void write(const Node& node, const Plain&) {
    emit(node, type_name(node.op));
  }

  const Graph& graph_;
  OnnxWriter& writer_;
  ShapeNodes shape_nodes_;
  std::vector<std::string> names_;
};

}  // namespace vitrail::onnx_files
