#pragma once
// Shapes of every value of a graph for given input sizes.
//
//   ShapeTable shapes = infer_shapes(graph, {{"image", {1, 3, 1024, 2048}}});
//   const Shape& logits = shapes[graph.outputs()[0].value];

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Shapes by value, and the numbers of the small tensors that shapes are computed with.
class ShapeTable {
 public:
  explicit ShapeTable(int64_t values)
      : shapes_(static_cast<size_t>(values)), contents_(static_cast<size_t>(values)) {}
  Shape& operator[](Value value) { return shapes_.at(static_cast<size_t>(value.id)); }
  const Shape& operator[](Value value) const { return shapes_.at(static_cast<size_t>(value.id)); }

  /// What the value holds for these input sizes, where that follows from sizes and constants alone and is at
  /// most kMostContent elements; undefined elsewhere.
  const Tensor& content(Value value) const { return contents_.at(static_cast<size_t>(value.id)); }
  void set_content(Value value, Tensor content) {
    contents_.at(static_cast<size_t>(value.id)) = std::move(content);
  }

 private:
  std::vector<Shape> shapes_;
  std::vector<Tensor> contents_;
};

/// Tensors of more elements than this are never followed while shapes are inferred.
inline constexpr int64_t kMostContent = 4096;

/// What becomes of sizes that depend on the values that flow through the network: how many boxes are kept.
enum class OpenSizes {
  refused,  ///< Error(unsupported) naming the node: nothing can be planned for them
  kept,     ///< -1 in the table, for who only looks at the graph
};

/// Throws Error(shape) naming the node and the shapes found when the sizes cannot pass through the graph (a
/// map that becomes empty, a skip connection that does not fit), Error(usage) for an input that is missing or
/// unknown.
ShapeTable infer_shapes(const Graph& graph, const std::map<std::string, Shape>& inputs,
                        OpenSizes open = OpenSizes::refused);

/// The same for a graph with one input.
ShapeTable infer_shapes(const Graph& graph, const Shape& input, OpenSizes open = OpenSizes::refused);

/// What is known of an operator's input before it runs. `op_results` of a graph's node:
///
///   OpInput x{.shape = {1, 64, -1, -1}};
///   OpInput sizes{.shape = {2}, .type = DataType::i64, .content = Tensor::from<int64_t>({2}, {64, -1})};
///   op_results(op::Reshape{}, {{x, sizes}}).front().shape;  // 64x?
struct OpInput {
  Shape shape{};  ///< -1 where unknown
  DataType type = DataType::f32;
  Tensor content{};     ///< the values themselves where they are known, else undefined
  Tensor known{};       ///< boolean, of content's shape: which of them are known; undefined: all are
  bool present = true;  ///< false: an optional input that is left out
};

/// One output.
struct OpResult {
  Shape shape;
  DataType type = DataType::f32;
  Tensor content{};  ///< the values themselves, where they follow from shapes and constants and are few
  Tensor known{};    ///< as OpInput's
};

/// Shape, type and, where it follows from what is known, content of each output. -1 passes through as
/// unknown, but the rank of a result must follow: Error(unsupported) where it does not. Throws Error(shape)
/// for inputs that do not fit the operator.
std::vector<OpResult> op_results(const Op& op, std::span<const OpInput> inputs);
/// The same where every input is present and no content is known.
std::vector<OpResult> op_results(const Op& op, std::span<const Shape> inputs,
                                 std::span<const DataType> types);

/// {top, left, bottom, right} that a convolution or pooling really pads for this input size (resolves
/// auto_pad). SPEC 15.4: total = max((out-1)*stride + (kernel-1)*dilation + 1 - in, 0).
Pads resolved_pads(AutoPad auto_pad, const Pads& pads, const Pair& input, const Pair& kernel,
                   const Pair& strides, const Pair& dilations);

}  // namespace vitrail
