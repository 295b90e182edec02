#pragma once
// Builds the nodes and initialisers of an ONNX graph; internal to onnx/ (it shows protobuf).

#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/onnx_pb.h"
#include "vitrail/base/tensor.h"

namespace vitrail::onnx_files {

/// Keeps every name of the file unique: values and nodes each have one namespace in ONNX.
class OnnxWriter {
 public:
  explicit OnnxWriter(onnx::GraphProto& graph) : graph_(graph) {}

  /// `wanted`, or `wanted` with a number where a value has that name already; taken from then on.
  std::string unique_value_name(const std::string& wanted);

  /// Adds a node with one output called `output` (empty: a unique name from `name`). Trailing inputs that are
  /// left out ("") are dropped.
  onnx::NodeProto& node(std::string_view type, std::vector<std::string> inputs, const std::string& name,
                        const std::string& output = "");

  /// Adds an initialiser; the same numbers are written once.
  std::string constant(const std::string& name, std::span<const int64_t> values);
  std::string constant(const std::string& name, std::span<const float> values);
  std::string scalar(const std::string& name, float value);
  std::string scalar(const std::string& name, int64_t value);
  onnx::TensorProto& initializer(const std::string& name, const Tensor& tensor);

  onnx::GraphProto& graph() { return graph_; }

 private:
  std::string shared_initializer(const std::string& name, const Tensor& tensor);

  onnx::GraphProto& graph_;
  std::set<std::string> values_;
  std::set<std::string> nodes_;
  std::map<std::string, std::string> constants_;  ///< bytes of type, shape and data -> name
};

void set_ints(onnx::NodeProto& node, const std::string& name, std::span<const int64_t> values);
void set_int(onnx::NodeProto& node, const std::string& name, int64_t value);
void set_float(onnx::NodeProto& node, const std::string& name, double value);
void set_text(onnx::NodeProto& node, const std::string& name, std::string_view value);

void set_tensor(onnx::NodeProto& node, const std::string& name, const Tensor& tensor);
/// Type, sizes and values; not the name.
void write_tensor(const Tensor& tensor, onnx::TensorProto& proto);

/// ONNX's number of an element type; Error(unsupported) for one that ONNX files of ours never hold.
int32_t onnx_type(DataType type);

}  // namespace vitrail::onnx_files
