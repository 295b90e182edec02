#pragma once
// One graph node as ONNX nodes; internal to onnx/.

#include <array>
#include <map>
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

  /// The functions that were called, by name.
  const std::map<std::string, onnx::FunctionProto>& functions() const { return functions_; }

 private:
  onnx::NodeProto& emit(const Node& node, std::string_view type, std::vector<std::string> inputs);
  onnx::NodeProto& emit(const Node& node, std::string_view type);
  NamedValue named(Value value) const { return {name(value), graph_.shape(value)}; }
  Pair kernel_of(const Node& node) const;
  std::array<std::string, 2> resize_target(const Node& node, const op::Resize& resize);

  // Over images (export_ops.cpp).
  void write(const Node& node, const op::Conv& conv);
  void write(const Node& node, const op::ConvTranspose& conv);
  void write(const Node& node, const op::BatchNormalization& norm);
  void write(const Node& node, const op::Clip& clip);
  void write(const Node& node, const op::Concat& concat);
  void write(const Node& node, const op::MaxPool& pool);
  void write(const Node& node, const op::MaxPoolIndices& pool);
  void write(const Node& node, const op::AveragePool& pool);
  void write(const Node& node, const op::LRN& norm);
  void write(const Node& node, const op::DepthToSpace& shuffle);
  void write(const Node& node, const op::SpaceToDepth& shuffle);
  void write(const Node& node, const op::Resize& resize);
  void write(const Node& node, const op::Crop& crop);
  void write(const Node& node, const op::Pad& pad);
  void write(const Node& node, const op::RoiAlign& align);
  void write(const Node& node, const op::GridSample& sample);
  void write(const Node& node, const op::NonMaxSuppression& choice);
  void write(const Node& node, const op::Softmax& softmax);
  void write(const Node& node, const op::ArgMax& argmax);
  void write(const Node& node, const op::Dropout& dropout);
  // Ours, as functions (own_functions.h).
  void write(const Node& node, const op::DynamicDeconvolution& deconvolution);
  void write(const Node& node, const op::Encoding& encoding);
  void write(const Node& node, const op::AdaptivePool& pool);
  void write(const Node& node, const op::MaxUnpool& unpool);
  // Over tensors of any rank (export_tensor_ops.cpp).
  void write(const Node& node, const op::Constant& constant);
  void write(const Node& node, const op::Unary& unary);
  void write(const Node& node, const op::Binary& binary);
  void write(const Node& node, const op::Cast& cast);
  void write(const Node& node, const op::ShapeOf& shape);
  void write(const Node& node, const op::Reshape& reshape);
  void write(const Node& node, const op::Flatten& flatten);
  void write(const Node& node, const op::Squeeze& squeeze);
  void write(const Node& node, const op::Unsqueeze& unsqueeze);
  void write(const Node& node, const op::Transpose& transpose);
  void write(const Node& node, const op::Gather& gather);
  void write(const Node& node, const op::GatherElements& gather);
  void write(const Node& node, const op::ConstantOfShape& fill);
  void write(const Node& node, const op::Reduce& reduce);
  void write(const Node& node, const op::CumSum& sum);
  void write(const Node& node, const op::LogSoftmax& softmax);
  void write(const Node& node, const op::TopK& top);
  void write(const Node& node, const op::LayerNormalization& norm);
  void write(const Node& node, const op::InstanceNormalization& norm);
  void write(const Node& node, const op::QuantizeLinear& quantize);
  void write(const Node& node, const op::DequantizeLinear& dequantize);
  /// Relu, Add and the others whose whole meaning is their type.
  template <class Plain>
  void write(const Node& node, const Plain&) {
    emit(node, type_name(node.op));
  }

  /// A node before the one that makes `node`'s output, called "<node>.<what>".
  onnx::NodeProto& before(const Node& node, std::string_view type, std::vector<std::string> inputs,
                          std::string_view what);
  std::string number(const Node& node, double value, std::string_view what);
  void write_gelu(const Node& node, bool approximate);
  /// A call of one of our functions, which is written once.
  onnx::NodeProto& call(const Node& node, onnx::FunctionProto function);

  const Graph& graph_;
  OnnxWriter& writer_;
  ShapeNodes shape_nodes_;
  std::vector<std::string> names_;
  std::map<std::string, onnx::FunctionProto> functions_;
};

}  // namespace vitrail::onnx_files
