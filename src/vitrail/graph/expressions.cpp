#include "vitrail/graph/expressions.h"

namespace vitrail {
namespace {

using B = op::Binary::Function;
using U = op::Unary::Function;

Value constant(Graph& graph, Tensor value) {
  return graph.add(op::Constant{std::move(value)}, {});
}

}  // namespace

Value Expressions::number(double value) const {
  return numbers({}, {static_cast<float>(value)});
}

Value Expressions::numbers(const Shape& shape, const std::vector<float>& values) const {
  return constant(*graph_, Tensor::from<float>(shape, values));
}

Value Expressions::integer(int64_t value) const {
  return constant(*graph_, Tensor::from<int64_t>({}, std::vector<int64_t>{value}));
}

Value Expressions::integers(const std::vector<int64_t>& values) const {
  return constant(*graph_, Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
}

Value Expressions::add(Value a, Value b) const {
  return graph_->add(op::Add{}, {a, b});
}
Value Expressions::subtract(Value a, Value b) const {
  return graph_->add(op::Binary{B::subtract}, {a, b});
}
Value Expressions::multiply(Value a, Value b) const {
  return graph_->add(op::Mul{}, {a, b});
}
Value Expressions::divide(Value a, Value b) const {
  return graph_->add(op::Binary{B::divide}, {a, b});
}
Value Expressions::smaller(Value a, Value b) const {
  return graph_->add(op::Binary{B::minimum}, {a, b});
}
Value Expressions::larger(Value a, Value b) const {
  return graph_->add(op::Binary{B::maximum}, {a, b});
}
Value Expressions::clip(Value x, double low, double high) const {
  return graph_->add(op::Clip{low, high}, {x});
}
Value Expressions::floor(Value x) const {
  return graph_->add(op::Unary{U::floor}, {x});
}
Value Expressions::ceil(Value x) const {
  return graph_->add(op::Unary{U::ceil}, {x});
}
Value Expressions::exp(Value x) const {
  return graph_->add(op::Unary{U::exp}, {x});
}
Value Expressions::absolute(Value x) const {
  return graph_->add(op::Unary{U::abs}, {x});
}
Value Expressions::sigmoid(Value x) const {
  return graph_->add(op::Sigmoid{}, {x});
}
Value Expressions::remainder(Value a, Value b) const {
  return graph_->add(op::Binary{B::modulo}, {a, b});
}
Value Expressions::equal(Value a, Value b) const {
  return graph_->add(op::Binary{B::equal}, {a, b});
}
Value Expressions::less(Value a, Value b) const {
  return graph_->add(op::Binary{B::less}, {a, b});
}
Value Expressions::greater(Value a, Value b) const {
  return graph_->add(op::Binary{B::greater}, {a, b});
}
Value Expressions::greater_or_equal(Value a, Value b) const {
  return graph_->add(op::Binary{B::greater_or_equal}, {a, b});
}
Value Expressions::both(Value a, Value b) const {
  return graph_->add(op::Binary{B::logical_and}, {a, b});
}
Value Expressions::either(Value a, Value b) const {
  return graph_->add(op::Binary{B::logical_or}, {a, b});
}
Value Expressions::negated(Value condition) const {
  return graph_->add(op::Unary{U::logical_not}, {condition});
}
Value Expressions::where(Value condition, Value a, Value b) const {
  return graph_->add(op::Where{}, {condition, a, b});
}
Value Expressions::cast(Value x, DataType type) const {
  return graph_->add(op::Cast{type}, {x});
}

Value Expressions::part(Value x, int64_t axis, int64_t begin, int64_t end) const {
  return graph_->add(op::Slice{}, {x, integers({begin}), integers({end}), integers({axis})});
}
Value Expressions::rows(Value x, Value indices, int64_t axis) const {
  return graph_->add(op::Gather{axis}, {x, indices});
}
Value Expressions::reshape(Value x, const std::vector<int64_t>& sizes) const {
  return graph_->add(op::Reshape{}, {x, integers(sizes)});
}
Value Expressions::unsqueeze(Value x, const std::vector<int64_t>& axes) const {
  return graph_->add(op::Unsqueeze{axes}, {x});
}
Value Expressions::concat(const std::vector<Value>& parts, int64_t axis) const {
  return parts.size() == 1 ? parts.front() : graph_->add(op::Concat{axis}, parts);
}
Value Expressions::transpose(Value x, const std::vector<int64_t>& permutation) const {
  return graph_->add(op::Transpose{permutation}, {x});
}
Value Expressions::product(Value a, Value b) const {
  return graph_->add(op::MatMul{}, {a, b});
}
Value Expressions::size(Value x, int64_t dimension) const {
  return graph_->add(op::ShapeOf{.start = dimension, .end = dimension + 1}, {x});
}
Value Expressions::up_to(Value count) const {
  return graph_->add(op::Range{}, {integer(0), graph_->add(op::Squeeze{{0}}, {count}), integer(1)});
}

Value Expressions::count(Value condition) const {
  return reshape(
      graph_->add(op::Reduce{.function = op::Reduce::Function::sum}, {cast(condition, DataType::i64)}), {1});
}
Value Expressions::numbered(Value like) const {
  return rank(equal(like, like));
}
Value Expressions::rank(Value condition) const {
  return graph_->add(op::CumSum{.axis = 0, .exclusive = true}, {cast(condition, DataType::i64)});
}
Value Expressions::top_values(Value x, Value k) const {
  return graph_->add(op::TopK{.part = op::TopK::Part::values, .axis = 0}, {x, k});
}
Value Expressions::top_indices(Value x, Value k) const {
  return graph_->add(op::TopK{.part = op::TopK::Part::indices, .axis = 0}, {x, k});
}

}  // namespace vitrail
