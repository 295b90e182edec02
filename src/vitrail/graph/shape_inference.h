#pragma once
// Shapes of every value of a graph for given input sizes.
//
//   ShapeTable shapes = infer_shapes(graph, {{"image", {1, 3, 1024, 2048}}});
//   const Shape& logits = shapes[graph.outputs()[0].value];

#include <map>
#include <span>
#include <string>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Shapes by value.
class ShapeTable {
 public:
  explicit ShapeTable(int64_t values) : shapes_(static_cast<size_t>(values)) {}
  Shape& operator[](Value value) { return shapes_.at(static_cast<size_t>(value.id)); }
  const Shape& operator[](Value value) const { return shapes_.at(static_cast<size_t>(value.id)); }

 private:
  std::vector<Shape> shapes_;
};

/// Throws Error(shape) naming the node and the shapes found when the sizes cannot pass through the graph (a
/// map that becomes empty, a skip connection that does not fit), Error(usage) for an input that is missing or
/// unknown.
ShapeTable infer_shapes(const Graph& graph, const std::map<std::string, Shape>& inputs);

/// The same for a graph with one input.
ShapeTable infer_shapes(const Graph& graph, const Shape& input);

/// Shapes and types of one operator's outputs. An input that is left out has an empty shape. -1 passes
/// through as unknown.
struct OpResult {
  Shape shape;
  DataType type = DataType::f32;
  Tensor content;  ///< the values themselves, where they follow from shapes and constants and are few
};
/// `contents` holds the values of inputs that are known (undefined tensors where not); it may be empty.
std::vector<OpResult> op_results(const Op& op, std::span<const Shape> inputs, std::span<const DataType> types,
                                 std::span<const Tensor> contents = {});

/// {top, left, bottom, right} that a convolution or pooling really pads for this input size (resolves
/// auto_pad). SPEC 15.4: total = max((out-1)*stride + (kernel-1)*dilation + 1 - in, 0).
Pads resolved_pads(AutoPad auto_pad, const Pads& pads, const Pair& input, const Pair& kernel,
                   const Pair& strides, const Pair& dilations);

}  // namespace vitrail
