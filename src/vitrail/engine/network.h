#pragma once
// The engine's own picture of a graph: what passes rewrite and what steps are made from.
//
// A Network starts as the graph's nodes (build_network), is rewritten once for all sizes (batch normalisation
// folded, identities dropped), then copied and bound to concrete shapes for each input size and rewritten
// again (residual sums, activations). Copies are cheap: tensors share their bytes.
//
// Value ids are the graph's; values that passes add come after them.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/engine/derived_tensors.h"
#include "vitrail/graph/model.h"

namespace vitrail::engine_detail {

using ValueId = int32_t;
constexpr ValueId no_value = -1;

/// min(max(x, low), high), applied to a layer's result before it is stored. Relu is {0, infinity}.
struct Activation {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool active() const { return low > -std::numeric_limits<float>::infinity() || bounded_above(); }
  bool bounded_above() const { return high < std::numeric_limits<float>::infinity(); }
};

/// The bytes that a constant was made from by DequantizeLinear: constant = bytes * scales, one scale or one
/// by row.
struct QuantizedConstant {
  Tensor bytes;  ///< i8
  std::vector<float> scales;
};

/// What the bytes of an 8-bit map stand for: value = (byte - zero) * scale.
struct ByteScale {
  float scale = 1;
  int32_t zero = 0;
  bool operator==(const ByteScale&) const = default;
};

/// Those of the 8-bit maps that a layer reads and makes. They lie channels-last; whether they are signed or
/// not is the value's type (fuse_quantized).
struct ByteMaps {
  ByteScale input;
  ByteScale output;  ///< where the result is bytes
  ByteScale residual;
  Activation
      term;  ///< Conv only: applied before the residual is added, as bytes between them would have done
};

/// One node, with what passes fused into it: result = activation(op(inputs) + residual).
struct Layer {
  std::string name;  ///< the node's; of several fused ones the last one's
  Op op;
  std::vector<ValueId> inputs;  ///< no_value where an optional input is left out
  ValueId output = no_value;
  ValueId residual = no_value;        ///< added to the result (Conv only); its buffer becomes the output
  Activation activation;              ///< Conv, Add, Mul and BatchNormalization only
  std::optional<op::Unary> function;  ///< MatMul and Conv only: applied at the end
  std::optional<op::Resize> resized;  ///< ArgMax only: of the input after this Resize, which is never stored
  /// Conv only, where not empty: the sum of convolutions of linearly enlarged maps, which are never stored.
  /// Inputs are then map, weight, map, weight, ...; each map enlarged by its Resize to enlarged_size.
  std::vector<op::Resize> enlarged;
  Pair enlarged_size{0, 0};
  bool winograd = false;  ///< Conv only: by Winograd's algorithm (choose_winograd)
  /// Conv only, where not empty: convolutions that read each other and run together, row by row; this layer
  /// is the last of them and reads what the first one reads (form_row_strips).
  std::vector<Layer> strip;
  std::optional<ByteMaps> bytes;   ///< reads or makes 8-bit maps that lie channels-last
  std::vector<std::string> fused;  ///< names of the other nodes that this layer does
};

/// Input `index`, or no_value where it is left out.
inline ValueId optional_input(const Layer& layer, size_t index) {
  return index < layer.inputs.size() ? layer.inputs[index] : no_value;
}

/// Where a value lies that is made inside another one (place_in_concatenations).
struct Place {
  ValueId whole = no_value;
  int64_t first = 0;       ///< elements of the whole before it
  int64_t pixel_step = 0;  ///< elements from one pixel to the next of a channels-last map; 0: no gaps
};

struct NetworkValue {
  std::string name;
  DataType type = DataType::f32;
  Shape shape;      ///< concrete once bound; a constant's always
  Tensor constant;  ///< defined for parameters and what was folded; row-major
  std::shared_ptr<const QuantizedConstant> quantized;  ///< a constant that DequantizeLinear made of bytes
  bool row_major = false;  ///< a rank-4 f32 value that lies as it is, not channels-last (choose_layouts)
  Place place;             ///< of its own unless `whole` says otherwise

  bool channels_last() const { return type == DataType::f32 && shape.size() == 4 && !row_major; }
};

struct NetworkPort {
  std::string name;
  ValueId value = no_value;
};

struct Network {
  std::vector<Layer> layers;  ///< in an order in which each comes after what it reads
  std::vector<NetworkValue> values;
  std::vector<NetworkPort> inputs;
  std::vector<NetworkPort> outputs;
  std::shared_ptr<DerivedTensors> derived = std::make_shared<DerivedTensors>();  ///< shared by copies

  NetworkValue& value(ValueId id) { return values.at(static_cast<size_t>(id)); }
  const NetworkValue& value(ValueId id) const { return values.at(static_cast<size_t>(id)); }
  const Shape& shape(ValueId id) const { return value(id).shape; }
  bool is_constant(ValueId id) const { return id >= 0 && value(id).constant.defined(); }
  ValueId add_constant(std::string name, Tensor tensor);
  /// A value that a new layer will make.
  ValueId add_value(std::string name, Shape shape);
};

/// `graph` must be an inference graph (Graph::for_inference). Throws Error(usage) naming every parameter
/// without a usable tensor in `weights`.
Network build_network(const Graph& graph, const Weights& weights);

/// Throws Error(unsupported) naming every node the engine cannot run, all at once. Constants must be folded
/// before: a weight that is computed from constants is a weight.
void expect_supported(const Network& network);

/// Whether the engine has a step of its own for this layer's operator and types; where not, it runs the
/// operator's plain evaluation (graph/evaluate.h) on row-major values and reports it as "reference".
bool has_own_step(const Network& network, const Layer& layer);

/// A copy with every value's shape for these inputs (in order), values that follow from shapes as constants,
/// and nobody reading what only told a size (the reference of a Resize, the sizes of a Reshape). `graph` is
/// the one it was built from.
Network bind_shapes(const Network& network, const Graph& graph, const std::vector<Shape>& inputs);

/// How often each value is read by layers or is an output.
std::vector<int64_t> use_counts(const Network& network);
/// Index of the layer that makes each value, -1 for inputs and constants.
std::vector<int64_t> producers(const Network& network);
/// Index of the last layer that reads each value; layers.size() for outputs, -1 when nobody reads it.
std::vector<int64_t> last_readers(const Network& network);
/// Index of the layer that alone reads what layer `index` makes; -1 if there is none or the value is an
/// output.
int64_t sole_reader(const Network& network, const std::vector<int64_t>& uses, int64_t index);
/// Every read of `from` becomes a read of `to`.
void replace_uses(Network& network, ValueId from, ValueId to);

}  // namespace vitrail::engine_detail
