#include "vitrail/graph/evaluate.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail {
namespace evaluate_detail {

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

std::vector<int64_t> broadcast_strides(const Shape& operand, const Shape& shape) {
  const std::vector<int64_t> own = strides_of(operand);
  std::vector<int64_t> strides(shape.size(), 0);
  const size_t missing = shape.size() - operand.size();
  for (size_t d = 0; d < operand.size(); ++d)
    if (operand[d] != 1) strides[missing + d] = own[d];
  return strides;
}

void copy_strided(const Tensor& in, int64_t start, Shape shape, std::vector<int64_t> strides, Tensor& out) {
  Walk<1> walk{std::move(shape), {std::move(strides)}};
  for_width(in.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = read<T>(in);
    T* to = write<T>(out);
    walk.rows({start}, [&](int64_t position, const auto& offset, int64_t count, const auto& stride) {
      const T* x = from + offset[0];
      T* y = to + position;
      if (stride[0] == 1)
        std::copy(x, x + count, y);
      else
        for (int64_t i = 0; i < count; ++i)
          y[i] = x[i * stride[0]];
    });
  });
}

Lanes::Lanes(const Shape& shape, int64_t axis) {
  const size_t along = shape_rules::resolved_axis(axis, shape.size());
  for (size_t d = 0; d < shape.size(); ++d)
    (d < along ? outer : d == along ? size : inner) *= shape[d];
}

std::vector<int64_t> integers(const Tensor& tensor) {
  if (tensor.type() == DataType::i64) {
    const auto values = tensor.data<int64_t>();
    return {values.begin(), values.end()};
  }
  const auto values = tensor.data<int32_t>();
  return {values.begin(), values.end()};
}

namespace {

template <class Operator>
constexpr bool kKnown = requires(const Operator& op, Inputs in, Tensor& out) {
  run(op, in, out);
};

// Elements are only carried around, or are converted.
bool takes_every_type(const Op& op) {
  return std::visit(
      [](const auto& typed) {
        using T = std::decay_t<decltype(typed)>;
        return std::is_same_v<T, op::Identity> || std::is_same_v<T, op::Dropout> ||
               std::is_same_v<T, op::Constant> || std::is_same_v<T, op::ConstantOfShape> ||
               std::is_same_v<T, op::ShapeOf> || std::is_same_v<T, op::Reshape> ||
               std::is_same_v<T, op::Flatten> || std::is_same_v<T, op::Squeeze> ||
               std::is_same_v<T, op::Unsqueeze> || std::is_same_v<T, op::Transpose> ||
               std::is_same_v<T, op::Expand> || std::is_same_v<T, op::Tile> ||
               std::is_same_v<T, op::DepthToSpace> || std::is_same_v<T, op::SpaceToDepth> ||
               std::is_same_v<T, op::Concat> || std::is_same_v<T, op::Slice> ||
               std::is_same_v<T, op::Gather> || std::is_same_v<T, op::GatherElements> ||
               std::is_same_v<T, op::Where> || std::is_same_v<T, op::Cast>;
      },
      op);
}

}  // namespace
}  // namespace evaluate_detail

bool can_evaluate(const Op& op) {
  return std::visit([](const auto& typed) { return evaluate_detail::kKnown<std::decay_t<decltype(typed)>>; },
                    op);
}

bool can_evaluate_type(const Op& op, DataType type) {
  if (evaluate_detail::takes_every_type(op)) return can_evaluate(op);
  return can_evaluate(op) && type != DataType::f16 && type != DataType::bf16 && type != DataType::i16 &&
         type != DataType::u16;
}

Tensor evaluate(const Op& op, std::span<const Tensor> inputs, int64_t most_elements) {
  std::vector<OpInput> known;
  for (const Tensor& input : inputs)
    known.push_back(
        {.shape = input.shape(), .type = input.type(), .content = input, .present = input.defined()});
  const OpResult result = shape_rules::shape_and_type(op, known);
  const int64_t elements = element_count(result.shape);
  if (elements > most_elements)
    throw Error(ErrorKind::limit,
                {.where = std::string(type_name(op)),
                 .found = cat("a result of ", to_string(result.shape), ", ", elements, " elements"),
                 .allowed = cat("at most ", most_elements)});
  Tensor out = Tensor::empty(result.type, result.shape);
  std::visit(
      [&](const auto& typed) {
        if constexpr (evaluate_detail::kKnown<std::decay_t<decltype(typed)>>)
          evaluate_detail::run(typed, inputs, out);
        else
          throw Error(ErrorKind::unsupported, {.where = std::string(type_name(op)),
                                               .found = "this operator has no plain evaluation"});
      },
      op);
  return out;
}

}  // namespace vitrail
