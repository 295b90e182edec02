// Element by element, normalisations, quantisation.

#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {
namespace {

OpResult one_number_input(Inputs in) {
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  return same(in[0]);
}

OpResult one_float_input(Inputs in) {
  expect_inputs(in, 1, 1);
  expect_float(in[0]);
  return same(in[0]);
}

OpResult two_numbers(Inputs in) {
  expect_inputs(in, 2, 2);
  Shape shape = broadcast(in[0].shape, in[1].shape);
  expect_number(in[0]);
  expect_same_type(in[0], in[1]);
  return typed(std::move(shape), in[0].type);
}

}  // namespace

OpResult rule(const op::Relu&, Inputs in) {
  return one_number_input(in);
}
OpResult rule(const op::Clip&, Inputs in) {
  return one_number_input(in);
}
OpResult rule(const op::Sigmoid&, Inputs in) {
  return one_float_input(in);
}
OpResult rule(const op::Identity&, Inputs in) {
  expect_inputs(in, 1, 1);
  return same(in[0]);
}
OpResult rule(const op::Dropout&, Inputs in) {
  return one_float_input(in);
}
OpResult rule(const op::Add&, Inputs in) {
  return two_numbers(in);
}
OpResult rule(const op::Mul&, Inputs in) {
  return two_numbers(in);
}

OpResult rule(const op::Unary& op, Inputs in) {
  using F = op::Unary::Function;
  expect_inputs(in, 1, 1);
  switch (op.function) {
    case F::abs:
    case F::neg:
    case F::sign: expect_number(in[0]); break;
    case F::logical_not:
      if (in[0].type != DataType::boolean) fail(cat("input is ", name_of(in[0].type)), "booleans are needed");
      break;
    default: expect_float(in[0]);
  }
  return same(in[0]);
}

OpResult rule(const op::Binary& op, Inputs in) {
  using F = op::Binary::Function;
  expect_inputs(in, 2, 2);
  Shape shape = broadcast(in[0].shape, in[1].shape);
  expect_same_type(in[0], in[1]);
  switch (op.function) {
    case F::logical_and:
    case F::logical_or:
    case F::logical_xor:
      if (in[0].type != DataType::boolean)
        fail(cat("inputs are ", name_of(in[0].type)), "booleans are needed");
      return typed(std::move(shape), DataType::boolean);
    case F::equal: return typed(std::move(shape), DataType::boolean);
    case F::less:
    case F::less_or_equal:
    case F::greater:
    case F::greater_or_equal: expect_number(in[0]); return typed(std::move(shape), DataType::boolean);
    case F::prelu:
      if (!agree(shape, in[0].shape))
        fail(cat("input ", to_string(in[0].shape), " and slope ", to_string(in[1].shape)),
             "the slope must broadcast to the input");
      break;
    default: break;
  }
  expect_number(in[0]);
  return typed(std::move(shape), in[0].type);
}

OpResult rule(const op::Where&, Inputs in) {
  expect_inputs(in, 3, 3);
  if (in[0].type != DataType::boolean) fail(cat("condition is ", name_of(in[0].type)), "booleans are needed");
  expect_same_type(in[1], in[2]);
  return typed(broadcast(in[0].shape, broadcast(in[1].shape, in[2].shape)), in[1].type);
}

OpResult rule(const op::Cast& op, Inputs in) {
  expect_inputs(in, 1, 1);
  return typed(in[0].shape, op.to);
}

OpResult rule(const op::BatchNormalization& op, Inputs in) {
  expect_inputs(in, 5, 5);
  const Shape& x = in[0].shape;
  expect_float(in[0]);
  if (x.size() < 2) fail(cat("input is ", to_string(x)), "it needs a channel dimension");
  if (!(op.epsilon > 0)) fail(cat("epsilon ", op.epsilon), "it must be above 0");
  for (size_t i = 1; i < 5; ++i)
    if (in[i].shape.size() != 1 || !agree(in[i].shape[0], x[1]))
      fail(cat("input ", to_string(x), " and a statistic of ", to_string(in[i].shape)),
           "one value per channel is needed");
  return same(in[0]);
}

OpResult rule(const op::LayerNormalization& op, Inputs in) {
  expect_inputs(in, 2, 3);
  expect_float(in[0]);
  if (!(op.epsilon >= 0)) fail(cat("epsilon ", op.epsilon), "it must not be below 0");
  const Shape& x = in[0].shape;
  const size_t axis = resolved_axis(op.axis, x.size());
  const Shape normalised(x.begin() + static_cast<std::ptrdiff_t>(axis), x.end());
  for (size_t i = 1; i < in.size(); ++i) {
    if (!in[i].present) continue;
    expect_same_type(in[0], in[i]);
    if (!agree(in[i].shape, normalised))
      fail(cat("input ", to_string(x), " and scale or bias ", to_string(in[i].shape)),
           cat(to_string(normalised), " is needed"));
  }
  return same(in[0]);
}

OpResult rule(const op::InstanceNormalization& op, Inputs in) {
  expect_inputs(in, 3, 3);
  expect_float(in[0]);
  if (!(op.epsilon >= 0)) fail(cat("epsilon ", op.epsilon), "it must not be below 0");
  const Shape& x = in[0].shape;
  if (x.size() < 3) fail(cat("input is ", to_string(x)), "it needs channels and space");
  for (size_t i = 1; i < 3; ++i) {
    expect_same_type(in[0], in[i]);
    if (in[i].shape.size() != 1 || !agree(in[i].shape[0], x[1]))
      fail(cat("input ", to_string(x), " and scale or bias ", to_string(in[i].shape)),
           "one value per channel is needed");
  }
  return same(in[0]);
}

OpResult rule(const op::Softmax& op, Inputs in) {
  OpResult result = one_float_input(in);
  resolved_axis(op.axis, result.shape.size());
  return result;
}
OpResult rule(const op::LogSoftmax& op, Inputs in) {
  OpResult result = one_float_input(in);
  resolved_axis(op.axis, result.shape.size());
  return result;
}

namespace {

// One number, or one per entry along `axis`.
void expect_per_axis(const Shape& x, int64_t axis, const Shape& values, const char* what) {
  if (values.empty() || (values.size() == 1 && values[0] == 1)) return;
  if (values.size() != 1 || !agree(values[0], x[resolved_axis(axis, x.size())]))
    fail(cat("input ", to_string(x), " and ", what, " ", to_string(values)),
         cat("one number, or one per entry along axis ", axis, " is needed"));
}

void expect_quantisation(const Shape& x, int64_t axis, Inputs in) {
  if (in[1].type != DataType::f32) fail(cat("scale of ", name_of(in[1].type)), "f32 is needed");
  expect_per_axis(x, axis, in[1].shape, "scale");
  if (!given(in, 2)) return;
  expect_per_axis(x, axis, in[2].shape, "zero point");
  if (!agree(in[1].shape, in[2].shape) && !(in[1].shape.size() + in[2].shape.size() == 1))
    fail(cat("scale ", to_string(in[1].shape), " and zero point ", to_string(in[2].shape)),
         "their shapes must be equal");
}

}  // namespace

OpResult rule(const op::QuantizeLinear& op, Inputs in) {
  expect_inputs(in, 2, 3);
  if (in[0].type != DataType::f32) fail(cat("input is ", name_of(in[0].type)), "f32 is needed");
  expect_quantisation(in[0].shape, op.axis, in);
  const DataType to = given(in, 2) ? in[2].type : DataType::u8;
  if (to != DataType::u8 && to != DataType::i8)
    fail(cat("zero point of ", name_of(to)), "u8 or i8 is needed");
  return typed(in[0].shape, to);
}

OpResult rule(const op::DequantizeLinear& op, Inputs in) {
  expect_inputs(in, 2, 3);
  const DataType from = in[0].type;
  if (from != DataType::u8 && from != DataType::i8 && from != DataType::i32)
    fail(cat("input is ", name_of(from)), "u8, i8 or i32 is needed");
  expect_quantisation(in[0].shape, op.axis, in);
  if (given(in, 2)) expect_same_type(in[0], in[2]);
  return typed(in[0].shape, DataType::f32);
}

}  // namespace vitrail::shape_rules
