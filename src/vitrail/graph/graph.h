#pragma once
// The graph: a network described once, as ONNX operators. Training, the engine, ONNX files, costs and
// drawings are all things that are done *to* it.
//
// A network is a free function that adds nodes (see nets/). Nodes are kept in an order in which each comes
// after what it reads, so that a plain loop runs the network:
//
//   Graph graph;
//   Value image = graph.input("image", {-1, 3, -1, -1});            // N, H and W unknown until someone asks
//   Value weight = graph.parameter({.name = "conv.weight", .shape = {16, 3, 3, 3}, .init =
//   init::KaimingNormal{}}); Value x = graph.add(op::Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {image,
//   weight}, "conv"); graph.output("logits", x);
//
// Every value has a symbolic shape while the graph grows (-1 = unknown), found by the same rules that
// `infer_shapes` applies to a concrete input size; a node whose inputs do not fit is refused when it is
// added, by name.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/op.h"

namespace vitrail {

/// A tensor of a graph: what an input brings, a parameter holds or a node computes. Valid with the graph that
/// made it.
struct Value {
  int32_t id = -1;
  bool exists() const { return id >= 0; }  ///< false for an optional input that is left out
  friend bool operator==(Value, Value) = default;
};

/// How a parameter starts when no weights are loaded.
namespace init {
struct Zeros {};
struct Constant {
  double value = 1;
};
struct Normal {
  double std = 0.01;
};
struct TruncatedNormal {  ///< redrawn beyond two standard deviations (TensorFlow)
  double std = 0.09;
};
struct Uniform {
  double bound = 0.1;  ///< in [center - bound, center + bound]
  double center = 0;
};
struct KaimingNormal {  ///< std = sqrt(2 / fan)
  enum class Fan { in, out } fan = Fan::out;
};
struct XavierUniform {};
/// FCN's bilinear upsampling kernel on the channel diagonal of a ConvTranspose weight (SPEC 2.1), zero off
/// it.
struct Bilinear {};
/// The context module's (SPEC 4): a convolution that begins as the identity between `groups` groups of
/// channels. With c_in inputs and c_out outputs the centre tap from a to b is groups / c_out where a groups /
/// c_in and b groups / c_out round down to the same, and everything else is drawn from N(0, std^2).
struct Identity {
  int64_t groups = 1;
  double std = 0;
};
}  // namespace init
using Init = std::variant<init::Zeros, init::Constant, init::Normal, init::TruncatedNormal, init::Uniform,
                          init::KaimingNormal, init::XavierUniform, init::Bilinear, init::Identity>;

enum class Role {
  learnable,          ///< changed by the optimiser
  running_statistic,  ///< changed by training's forward pass (batch normalisation's mean and variance)
  constant,           ///< never changed; its value comes with the weights or from `init`
};

struct Parameter {
  std::string name;  ///< unique, torchvision's where it has the network: "backbone.layer1.0.conv1.weight"
  Shape shape;
  DataType type = DataType::f32;
  Role role = Role::learnable;
  Init init = init::Zeros{};
};

struct Node {
  std::string name;  ///< unique, "backbone.layer1.0.conv1"
  Op op;
  std::vector<Value> inputs;  ///< an optional input that is left out does not `exist()`
  std::vector<Value> outputs;
};

struct Input {
  std::string name;
  Value value;
};

struct Output {
  std::string name;
  Value value;
  bool training_only = false;  ///< an auxiliary head: there for the loss, left out of engine, export and cost
};

class Graph {
 public:
  /// An input; unknown sizes are -1.
  Value input(std::string name, Shape shape, DataType type = DataType::f32);
  Value parameter(Parameter parameter);
  /// Adds a node and returns its (first) output. An empty name becomes "<type>_<number>".
  /// Throws Error(shape) naming the node and the shapes where the inputs do not fit the operator.
  Value add(Op op, std::vector<Value> inputs, std::string name = "");
  void output(std::string name, Value value, bool training_only = false);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  const std::vector<Output>& outputs() const { return outputs_; }

  int64_t value_count() const { return static_cast<int64_t>(values_.size()); }
  const Shape& shape(Value value) const;  ///< symbolic: -1 where unknown
  DataType type(Value value) const;
  int64_t channels(Value value) const;  ///< shape(value)[1]; must be known
  /// What the value holds, where that follows from constants and known sizes alone and is small; undefined
  /// elsewhere.
  Tensor content(Value value) const;

  const Parameter* parameter_of(Value value) const;       ///< nullptr unless the value is a parameter
  const Node* producer_of(Value value) const;             ///< nullptr for inputs and parameters
  Value value_of_parameter(std::string_view name) const;  ///< does not `exist()` when there is none
  /// The name of an input or parameter, or of the producing node.
  std::string name_of(Value value) const;

  /// A copy without the training-only outputs and without every node and parameter that nothing else needs.
  Graph for_inference() const;

 private:
  struct ValueInfo {
    Shape shape;
    DataType type = DataType::f32;
    int32_t node = -1, parameter = -1, input = -1;
    Tensor content{}, known{};  // as OpResult's
  };
  Value new_value(ValueInfo info);
  const ValueInfo& info(Value value) const;
  std::string unique_node_name(const Op& op, std::string wanted);

  std::vector<ValueInfo> values_;
  std::vector<Node> nodes_;
  std::vector<Parameter> parameters_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::map<std::string, int32_t, std::less<>> parameter_index_;
  std::map<std::string, int32_t, std::less<>> node_index_;
};

}  // namespace vitrail
