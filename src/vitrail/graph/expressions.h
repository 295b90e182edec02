#pragma once
// Arithmetic in a graph, for what is computed with tensors rather than learned: decoding boxes, choosing,
// cutting.
//
//   const Expressions e(graph);
//   const Value width = e.subtract(e.part(boxes, 1, 2, 3), e.part(boxes, 1, 0, 1));     // x2 - x1
//   const Value kept = e.where(e.greater(width, e.number(0)), scores, e.number(-1));

#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

class Expressions {
 public:
  explicit Expressions(Graph& graph) : graph_(&graph) {}
  Graph& graph() const { return *graph_; }

  Value number(double value) const;                                           ///< f32, a scalar
  Value numbers(const Shape& shape, const std::vector<float>& values) const;  ///< f32
  Value integer(int64_t value) const;                                         ///< i64, a scalar
  Value integers(const std::vector<int64_t>& values) const;                   ///< i64 [n]

  // Element by element, with broadcasting.
  Value add(Value a, Value b) const;
  Value subtract(Value a, Value b) const;
  Value multiply(Value a, Value b) const;
  Value divide(Value a, Value b) const;
  Value smaller(Value a, Value b) const;  ///< of two numbers
  Value larger(Value a, Value b) const;
  Value clip(Value x, double low, double high) const;
  Value floor(Value x) const;
  Value ceil(Value x) const;
  Value exp(Value x) const;
  Value absolute(Value x) const;
  Value sigmoid(Value x) const;
  Value remainder(Value a, Value b) const;  ///< of integers that are not negative
  Value equal(Value a, Value b) const;
  Value less(Value a, Value b) const;
  Value greater(Value a, Value b) const;
  Value greater_or_equal(Value a, Value b) const;
  Value both(Value a, Value b) const;
  Value either(Value a, Value b) const;
  Value negated(Value condition) const;
  Value where(Value condition, Value a, Value b) const;
  Value cast(Value x, DataType type) const;

  Value part(Value x, int64_t axis, int64_t begin, int64_t end) const;  ///< x[begin : end] along an axis
  Value rows(Value x, Value indices, int64_t axis = 0) const;           ///< Gather
  Value reshape(Value x, const std::vector<int64_t>& sizes) const;
  Value unsqueeze(Value x, const std::vector<int64_t>& axes) const;
  Value concat(const std::vector<Value>& parts, int64_t axis) const;
  Value transpose(Value x, const std::vector<int64_t>& permutation) const;
  Value product(Value a, Value b) const;         ///< of matrices, MatMul
  Value size(Value x, int64_t dimension) const;  ///< i64 [1]
  Value up_to(Value count) const;                ///< 0, 1 ... count - 1, i64 [count]; count: i64 [1]

  /// How many are true: i64 [1].
  Value count(Value condition) const;
  /// 0, 1, 2 ... as many as `like` [n] has elements: i64 [n].
  Value numbered(Value like) const;
  /// For each of [n] how many before it are true: i64 [n].
  Value rank(Value condition) const;
  /// The `k` (i64 [1]) largest of [n], the first of equals, and where they were.
  Value top_values(Value x, Value k) const;
  Value top_indices(Value x, Value k) const;

 private:
  Graph* graph_;
};

}  // namespace vitrail
