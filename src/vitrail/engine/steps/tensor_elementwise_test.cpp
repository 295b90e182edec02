// Element-wise operators over tensors of any rank and type.

#include "vitrail/base/error.h"
#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

TEST(TensorOperators, Unary) {
  using F = op::Unary::Function;
  for (int f = 0; f <= static_cast<int>(F::gelu_tanh); ++f) {
    const auto function = static_cast<F>(f);
    if (function == F::logical_not) continue;
    check(static_cast<uint64_t>(20000 + 10 * f), 3, [&](Case& c) {
      Value x = random_value(c);
      c.description += cat(", function ", f);
      const bool positive = function == F::log || function == F::sqrt || function == F::reciprocal;
      const double spread = function == F::exp ? 3 : 6;
      x = positive ? c.graph.add(op::Add{}, {c.graph.add(op::Unary{.function = F::abs}, {x}),
                                             c.parameter({1}, 0.1, 0.2)})
                   : c.graph.add(op::Mul{}, {x, c.parameter({1}, spread / 2, spread)});
      return any_reader(c, c.graph.add(op::Unary{function, c.random.uniform(0.2, 0.8), 1.1}, {x}));
    });
  }
}

TEST(TensorOperators, Binary) {
  using F = op::Binary::Function;
  for (int f = 0; f <= static_cast<int>(F::greater_or_equal); ++f) {
    const auto function = static_cast<F>(f);
    check(static_cast<uint64_t>(21000 + 20 * f), 10, [&](Case& c) {
      const Shape full = random_shape(c, 1, 5);
      Shape a = function == F::prelu || c.random.chance(0.6) ? full : broadcasting(c, full);
      Shape b = broadcasting(c, full);
      c.description += cat(", function ", f, " of ", to_string(a), " and ", to_string(b));
      Value x = any_layout(c, a);
      Value y = c.random.chance(0.3) && !b.empty() ? c.parameter(b) : any_layout(c, b);
      if (function != F::prelu && c.random.chance(0.5)) std::swap(x, y);
      const auto away_from_zero = [&](Value v) {
        return c.graph.add(op::Add{}, {c.graph.add(op::Unary{.function = op::Unary::Function::abs}, {v}),
                                       c.parameter({1}, 0.5, 0.6)});
      };
      if (function == F::power) x = away_from_zero(x);
      if (function == F::divide || function == F::modulo || function == F::remainder) y = away_from_zero(y);
      return c.graph.add(op::Binary{function}, {x, y});
    });
  }
}

TEST(TensorOperators, PowersByOneNumber) {
  for (const float exponent : {2.0f, 3.0f, 0.5f, 1.7f})
    check(21500, 4, [&](Case& c) {
      const Value x = c.graph.add(op::Unary{.function = op::Unary::Function::abs}, {random_value(c)});
      const Value two = c.graph.add(op::Constant{Tensor::from<float>({}, std::vector<float>{exponent})}, {});
      return c.graph.add(op::Binary{op::Binary::Function::power}, {x, two});
    });
}

TEST(TensorOperators, WhereAndComparisons) {
  check(22000, 30, [](Case& c) {
    const Shape full = random_shape(c, 1, 5);
    const Value x = any_layout(c, full), y = any_layout(c, broadcasting(c, full));
    const Value condition = c.graph.add(op::Binary{op::Binary::Function::less}, {x, y});
    const Value both = c.graph.add(
        op::Binary{op::Binary::Function::logical_and},
        {condition,
         c.graph.add(op::Unary{.function = op::Unary::Function::logical_not},
                     {c.graph.add(op::Binary{op::Binary::Function::less}, {x, c.parameter({1}, -1, 0)})})});
    return any_reader(c, c.graph.add(op::Where{}, {both, x, any_layout(c, broadcasting(c, full))}));
  });
}

TEST(TensorOperators, Cast) {
  const DataType types[] = {DataType::f32, DataType::i64, DataType::i32,
                            DataType::i8,  DataType::u8,  DataType::boolean};
  for (const DataType to : types)
    check(22100, 4, [&](Case& c) {
      const Value wide = c.graph.add(op::Mul{}, {random_value(c), c.parameter({1}, 20, 100)});
      const Value there = c.graph.add(op::Cast{to}, {wide});
      return c.random.chance(0.5) ? there : c.graph.add(op::Cast{DataType::f32}, {there});
    });
}

// Inputs of every type; arithmetic of integers.
TEST(TensorOperators, IntegersAreComputedWith) {
  for (const DataType type : {DataType::i64, DataType::i32, DataType::i8, DataType::u8}) {
    Case c(22200);
    const Shape shape = {2, 3, 4, 5};
    const Tensor values = Tensor::empty(type, shape);
    Tensor filled = values;
    for (int64_t i = 0; i < filled.bytes(); ++i)
      filled.raw()[i] = static_cast<std::byte>(i % size_of(type) == 0 ? c.pick(1, 5) : 0);
    c.inputs.push_back(filled);
    const Value x = c.graph.input("x", shape, type);
    const Value sum = c.graph.add(op::Add{}, {x, x});
    c.graph.output("mixed", c.graph.add(op::Binary{op::Binary::Function::maximum},
                                        {c.graph.add(op::Mul{}, {sum, x}), sum}));
    c.graph.output("moved", c.graph.add(op::Concat{-1}, {c.graph.add(op::Transpose{{0, 1, 3, 2}}, {x}),
                                                         c.graph.add(op::Transpose{{0, 1, 3, 2}}, {sum})}));
    c.graph.output("floats",
                   c.conv(c.graph.add(op::Cast{DataType::f32}, {x}), 3, 4, 3, {.pads = {1, 1, 1, 1}}));
    expect_agreement(c);
  }
}

TEST(TensorOperators, InputsOfTheWrongTypeAreRefused) {
  Case c(22300);
  const Value x = c.graph.input("ids", {4}, DataType::i64);
  c.graph.output("y", c.graph.add(op::Add{}, {x, x}));
  const Engine engine(c.graph, {});
  try {
    engine.run({Tensor::zeros(DataType::f32, {4})});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("i64 is read"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail::engine_test
