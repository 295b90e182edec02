#include "vitrail/graph/evaluate.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail {
namespace {

template <class T = float>
Tensor tensor(Shape shape, std::vector<T> values) {
  return Tensor::from<T>(std::move(shape), values);
}
Tensor list(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return tensor<int64_t>({count}, std::move(values));
}
Tensor booleans(Shape shape, const std::vector<uint8_t>& values) {
  Tensor result = Tensor::empty(DataType::boolean, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i)
    result.raw()[i] = std::byte{values[i]};
  return result;
}
Tensor random_tensor(Random& random, Shape shape, double low = -2, double high = 2) {
  Tensor result = Tensor::empty(DataType::f32, std::move(shape));
  for (float& v : result.data<float>())
    v = static_cast<float>(random.uniform(low, high));
  return result;
}

Tensor run(const Op& op, const std::vector<Tensor>& inputs) {
  return evaluate(op, inputs);
}
std::vector<double> values_of(const Tensor& result) {
  return reference::array_of(result).values;
}
using Values = std::vector<double>;

ErrorKind kind_of_refusal(const Op& op, const std::vector<Tensor>& inputs, int64_t most = kMostEvaluated) {
  try {
    evaluate(op, inputs, most);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << type_name(op) << " was not refused";
  return ErrorKind::cancelled;
}

// Compares with the reference interpreter, which must have a definition of its own for the operator.
template <class Operator>
void expect_reference(const Operator& op, const std::vector<Tensor>& inputs, double tolerance = 1e-6) {
  std::vector<reference::Array> arrays;
  for (const Tensor& input : inputs)
    arrays.push_back(input.defined() ? reference::array_of(input) : reference::Array());
  reference::detail::Arrays pointers;
  for (size_t i = 0; i < inputs.size(); ++i)
    pointers.push_back(inputs[i].defined() ? &arrays[i] : nullptr);
  const Tensor result = run(op, inputs);
  reference::Array expected(result.shape());
  reference::detail::compute(op, pointers, expected);
  EXPECT_LE(reference::relative_difference(result, expected), tolerance) << type_name(op);
}

TEST(Evaluate, UnaryFunctionsAgreeWithTheirDefinitions) {
  using F = op::Unary::Function;
  Random random(1);
  for (int i = 0; i <= static_cast<int>(F::gelu_tanh); ++i) {
    const auto function = static_cast<F>(i);
    if (function == F::logical_not) continue;
    const bool positive = function == F::log || function == F::sqrt;
    const Tensor x = random_tensor(random, {3, 41}, positive ? 0.1 : -5, 5);
    expect_reference(op::Unary{function, 0.7, 0.3}, {x});
  }
  EXPECT_EQ(values_of(run(op::Unary{F::round}, {tensor({5}, {0.5, 1.5, 2.5, -0.5, -1.5})})),
            (Values{0, 2, 2, 0, -2}));
  EXPECT_EQ(values_of(run(op::Unary{F::logical_not}, {booleans({2}, {0, 1})})), (Values{1, 0}));
  EXPECT_EQ(values_of(run(op::Unary{F::abs}, {list({-3, 0, 7})})), (Values{3, 0, 7}));
  EXPECT_EQ(run(op::Unary{F::neg}, {tensor<int8_t>({2}, {5, -128})}).data<int8_t>()[1], -128)
      << "integers wrap around";
  EXPECT_NEAR(run(op::Unary{F::softplus}, {tensor({1}, {1000})}).data<float>()[0], 1000, 1e-3);
  EXPECT_EQ(kind_of_refusal(op::Unary{F::exp}, {list({1})}), ErrorKind::shape);
}

TEST(Evaluate, BinaryFunctionsBroadcast) {
  using F = op::Binary::Function;
  Random random(2);
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {3, 1}}, {{4}, {2, 1, 4}}, {{}, {5}}, {{2, 1, 3}, {1, 4, 1}}};
  for (const auto& [a, b] : shapes)
    for (int i = 0; i <= static_cast<int>(F::greater_or_equal); ++i) {
      if (static_cast<F>(i) == F::prelu && a.size() < b.size()) continue;
      if (static_cast<F>(i) == F::prelu && a[1] < 2) continue;
      expect_reference(op::Binary{static_cast<F>(i)},
                       {random_tensor(random, a, 0.5, 3), random_tensor(random, b, 0.5, 3)});
    }
  expect_reference(op::Add{}, {random_tensor(random, {2, 3, 1}), random_tensor(random, {4})});
  expect_reference(op::Mul{}, {random_tensor(random, {2, 3, 1}), random_tensor(random, {4})});
  const Tensor truth = booleans({4}, {0, 0, 1, 1}), other = booleans({4}, {0, 1, 0, 1});
  EXPECT_EQ(values_of(run(op::Binary{F::logical_and}, {truth, other})), (Values{0, 0, 0, 1}));
  EXPECT_EQ(values_of(run(op::Binary{F::logical_or}, {truth, other})), (Values{0, 1, 1, 1}));
  EXPECT_EQ(values_of(run(op::Binary{F::logical_xor}, {truth, other})), (Values{0, 1, 1, 0}));
}

TEST(Evaluate, IntegersDivideAsTheyShould) {
  using F = op::Binary::Function;
  const Tensor a = list({7, -7, 7, -7}), b = list({2, 2, -2, -2});
  EXPECT_EQ(values_of(run(op::Binary{F::divide}, {a, b})), (Values{3, -3, -3, 3}));
  EXPECT_EQ(values_of(run(op::Binary{F::remainder}, {a, b})), (Values{1, -1, 1, -1}));
  EXPECT_EQ(values_of(run(op::Binary{F::modulo}, {a, b})), (Values{1, 1, -1, -1}));
  EXPECT_EQ(values_of(run(op::Binary{F::power}, {list({2, -3, 1, -1}), list({10, 3, -2, -3})})),
            (Values{1024, -27, 1, -1}));
  for (const F f : {F::divide, F::remainder, F::modulo})
    EXPECT_EQ(kind_of_refusal(op::Binary{f}, {a, list({2, 0, 1, 1})}), ErrorKind::numeric);
  EXPECT_EQ(kind_of_refusal(op::Binary{F::power}, {list({0}), list({-1})}), ErrorKind::numeric);
  const int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(run(op::Binary{F::divide}, {list({least}), list({-1})}).data<int64_t>()[0], least);
  EXPECT_EQ(run(op::Binary{F::remainder}, {list({least}), list({-1})}).data<int64_t>()[0], 0);
  EXPECT_EQ(run(op::Mul{}, {list({least}), list({-1})}).data<int64_t>()[0], least);
}

TEST(Evaluate, CastCutsAndSaturates) {
  const float huge = 1e30f, nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = tensor({6}, {1.9f, -1.9f, 300, huge, -huge, nan});
  EXPECT_EQ(values_of(run(op::Cast{DataType::i32}, {x})), (Values{1, -1, 300, 2147483647, -2147483648.0, 0}));
  EXPECT_EQ(values_of(run(op::Cast{DataType::u8}, {x})), (Values{1, 0, 255, 255, 0, 0}));
  EXPECT_EQ(run(op::Cast{DataType::i64}, {x}).data<int64_t>()[3], std::numeric_limits<int64_t>::max());
  EXPECT_EQ(values_of(run(op::Cast{DataType::boolean}, {tensor({3}, {0, 0.25, -1})})), (Values{0, 1, 1}));
  const Tensor half = run(op::Cast{DataType::f16}, {tensor({2}, {1.5, -3})});
  EXPECT_EQ(values_of(run(op::Cast{DataType::f32}, {half})), (Values{1.5, -3}));
}

TEST(Evaluate, WhereChooses) {
  EXPECT_EQ(values_of(run(op::Where{}, {booleans({2, 1}, {1, 0}), tensor({3}, {1, 2, 3}), tensor({}, {9})})),
            (Values{1, 2, 3, 9, 9, 9}));
}

TEST(Evaluate, ElementsMove) {
  Random random(3);
  const Tensor x = random_tensor(random, {2, 3, 4, 5});
  expect_reference(op::Transpose{{2, 0, 3, 1}}, {x}, 0);
  expect_reference(op::Transpose{}, {x}, 0);
  expect_reference(op::Reshape{}, {x, list({0, -1, 10})}, 0);
  EXPECT_EQ(run(op::Flatten{2}, {x}).shape(), (Shape{6, 20}));
  EXPECT_EQ(run(op::Unsqueeze{{0, -1}}, {x}).shape(), (Shape{1, 2, 3, 4, 5, 1}));
  EXPECT_EQ(run(op::Squeeze{}, {tensor({1, 2, 1}, {1, 2})}).shape(), (Shape{2}));
  EXPECT_EQ(values_of(run(op::Expand{}, {tensor({2, 1}, {1, 2}), list({3, 1, 2})})),
            (Values{1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}));
  EXPECT_EQ(values_of(run(op::Tile{}, {tensor({2, 2}, {1, 2, 3, 4}), list({2, 2})})),
            (Values{1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(values_of(run(op::ShapeOf{.start = -3, .end = -1}, {x})), (Values{3, 4}));
  EXPECT_EQ(values_of(run(op::Range{},
                          {tensor<int64_t>({}, {10}), tensor<int64_t>({}, {3}), tensor<int64_t>({}, {-3})})),
            (Values{10, 7, 4}));
  EXPECT_EQ(values_of(run(op::ConstantOfShape{list({7})}, {list({2, 2})})), (Values{7, 7, 7, 7}));
  EXPECT_EQ(run(op::ConstantOfShape{}, {Tensor::zeros(DataType::i64, {0})}).shape(), Shape{});
  expect_reference(op::Concat{1}, {x, random_tensor(random, {2, 1, 4, 5}), x}, 0);
}

// By counting the places one after the other, as Python does.
std::vector<double> sliced(const std::vector<double>& x, int64_t start, int64_t end, int64_t step) {
  const auto size = static_cast<int64_t>(x.size());
  std::vector<double> result;
  if (start < 0) start += size;
  if (end < 0) end += size;
  if (step < 0) start = std::min(start, size - 1);
  for (int64_t i = std::max<int64_t>(start, 0); step > 0 ? i < end : i > end; i += step) {
    if (i < 0 || i >= size) break;
    result.push_back(x[static_cast<size_t>(i)]);
  }
  return result;
}

TEST(Evaluate, SlicesGoBothWays) {
  Random random(4);
  const Tensor x = random_tensor(random, {7});
  int not_empty = 0;
  for (int64_t start = -9; start <= 9; ++start)
    for (int64_t end = -9; end <= 9; ++end)
      for (const int64_t step : {-3, -2, -1, 1, 2, 3}) {
        const Values y = values_of(run(op::Slice{}, {x, list({start}), list({end}), {}, list({step})}));
        ASSERT_EQ(y, sliced(values_of(x), start, end, step)) << start << ":" << end << ":" << step;
        not_empty += y.empty() ? 0 : 1;
      }
  EXPECT_GT(not_empty, 300);
  const int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(run(op::Slice{}, {x, list({-1}), list({least}), {}, list({-1})}).shape(), (Shape{7}));
  EXPECT_EQ(run(op::Slice{}, {x, list({-1}), list({least}), {}, list({least})}).shape(), (Shape{1}));
  EXPECT_EQ(run(op::Slice{}, {x, list({0}), list({most}), {}, list({most})}).shape(), (Shape{1}));
  const Tensor matrix = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(values_of(run(op::Slice{}, {matrix, list({1, 0}), list({3, 1}), list({-1, 0})})), (Values{2, 3}));
  EXPECT_EQ(kind_of_refusal(op::Slice{}, {x, list({0}), list({1}), {}, list({0})}), ErrorKind::shape);
}

TEST(Evaluate, GathersFromBothEnds) {
  const Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(values_of(run(op::Gather{1}, {x, tensor<int64_t>({2, 2}, {0, -1, 2, 1})})),
            (Values{1, 3, 3, 2, 4, 6, 6, 5}));
  EXPECT_EQ(run(op::Gather{1}, {x, tensor<int32_t>({}, {0})}).shape(), (Shape{2}));
  EXPECT_EQ(values_of(run(op::GatherElements{1}, {x, tensor<int64_t>({2, 2}, {2, 0, -1, 1})})),
            (Values{3, 1, 6, 5}));
  EXPECT_EQ(values_of(run(op::GatherElements{0}, {x, tensor<int64_t>({1, 3}, {1, 0, 1})})),
            (Values{4, 2, 6}));
  for (const int64_t index : {3, -4}) {
    EXPECT_EQ(kind_of_refusal(op::Gather{1}, {x, list({index})}), ErrorKind::shape);
    EXPECT_EQ(kind_of_refusal(op::GatherElements{1}, {x, tensor<int64_t>({1, 1}, {index})}),
              ErrorKind::shape);
  }
}

TEST(Evaluate, ReducesAnyAxes) {
  using F = op::Reduce::Function;
  Random random(5);
  const Tensor x = random_tensor(random, {2, 3, 4, 2}, 0.1, 2);
  for (int i = 0; i <= static_cast<int>(F::log_sum_exp); ++i)
    for (const std::vector<int64_t>& axes :
         {std::vector<int64_t>{}, {0}, {-1}, {1, 2}, {0, 2}, {1, 3}, {0, 1, 2, 3}})
      for (const bool keep : {false, true})
        expect_reference(op::Reduce{static_cast<F>(i), axes, keep}, {x});
  EXPECT_EQ(values_of(run(op::Reduce{F::prod}, {list({3, 4, 5})})), (Values{60}));
  EXPECT_EQ(values_of(run(op::Reduce{F::max}, {list({-3, -4})})), (Values{-3}));
  EXPECT_EQ(values_of(run(op::Reduce{F::mean}, {list({-3, -4})})), (Values{-3})) << "towards zero";
  EXPECT_NEAR(run(op::Reduce{F::log_sum_exp}, {tensor({2}, {1000, 1000})}).data<float>()[0],
              1000 + std::log(2.0), 1e-3);
  EXPECT_EQ(values_of(run(op::Reduce{F::sum, {0}, false}, {Tensor::zeros(DataType::f32, {0, 2})})),
            (Values{0, 0}));
}

TEST(Evaluate, RunsAlongAxes) {
  Random random(6);
  const Tensor x = random_tensor(random, {2, 5, 3});
  for (const int64_t axis : {0, 1, -1}) {
    expect_reference(op::Softmax{axis}, {x});
    expect_reference(op::ArgMax{axis, false}, {x}, 0);
    const Values log_softmax = values_of(run(op::LogSoftmax{axis}, {x}));
    const Values softmax = values_of(run(op::Softmax{axis}, {x}));
    for (size_t i = 0; i < softmax.size(); ++i)
      EXPECT_NEAR(log_softmax[i], std::log(softmax[i]), 1e-5);
  }
  const Tensor numbers = tensor<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(values_of(run(op::CumSum{1}, {numbers})), (Values{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(values_of(run(op::CumSum{0}, {numbers})), (Values{1, 2, 3, 5, 7, 9}));
  EXPECT_EQ(values_of(run(op::CumSum{.axis = 1, .exclusive = true}, {numbers})), (Values{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(values_of(run(op::CumSum{.axis = 1, .exclusive = true, .reverse = true}, {numbers})),
            (Values{5, 3, 0, 11, 6, 0}));
}

TEST(Evaluate, TopKKeepsTheFirstOfEquals) {
  using Part = op::TopK::Part;
  const Tensor x = tensor({2, 4}, {3, 7, 7, 1, 5, 5, 2, 9});
  EXPECT_EQ(values_of(run(op::TopK{Part::indices}, {x, list({3})})), (Values{1, 2, 0, 3, 0, 1}));
  EXPECT_EQ(values_of(run(op::TopK{Part::values}, {x, list({3})})), (Values{7, 7, 3, 9, 5, 5}));
  EXPECT_EQ(values_of(run(op::TopK{.part = Part::values, .axis = 0, .largest = false}, {x, list({1})})),
            (Values{3, 5, 2, 1}));
  EXPECT_EQ(kind_of_refusal(op::TopK{}, {x, list({5})}), ErrorKind::shape);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(values_of(run(op::TopK{Part::indices}, {tensor({4}, {1, nan, 2, nan}), list({4})})),
            (Values{1, 3, 2, 0}));
}

TEST(Evaluate, ProductsBroadcast) {
  Random random(7);
  const std::vector<std::pair<Shape, Shape>> shapes{{{3, 4}, {4, 5}},
                                                    {{4}, {4, 5}},
                                                    {{3, 4}, {4}},
                                                    {{4}, {4}},
                                                    {{2, 3, 4}, {4, 5}},
                                                    {{3, 4}, {2, 4, 5}},
                                                    {{2, 1, 3, 4}, {6, 4, 2}}};
  for (const auto& [a, b] : shapes)
    expect_reference(op::MatMul{}, {random_tensor(random, a), random_tensor(random, b)});
  EXPECT_EQ(values_of(run(op::MatMul{}, {tensor<int64_t>({2, 2}, {1, 2, 3, 4}), list({5, 6})})),
            (Values{17, 39}));
}

TEST(Evaluate, Normalises) {
  Random random(8);
  const Tensor x = random_tensor(random, {2, 3, 4, 5});
  expect_reference(op::LayerNormalization{-1, 1e-5},
                   {x, random_tensor(random, {5}), random_tensor(random, {5})}, 1e-5);
  expect_reference(op::LayerNormalization{2, 1e-5}, {x, random_tensor(random, {4, 5})}, 1e-5);
  expect_reference(op::InstanceNormalization{}, {x, random_tensor(random, {3}), random_tensor(random, {3})},
                   1e-5);
  for (const int64_t size : {1, 2, 3, 5, 100})
    expect_reference(op::LRN{size, 0.3, 0.7, 1.5}, {x});
}

TEST(Evaluate, Quantises) {
  const Tensor x = tensor({2, 3}, {0.5, 1.5, 2.5, -1, 100, 300});
  const Tensor one = tensor({}, {1});
  EXPECT_EQ(values_of(run(op::QuantizeLinear{}, {x, one})), (Values{0, 2, 2, 0, 100, 255}));
  EXPECT_EQ(values_of(run(op::QuantizeLinear{}, {x, one, tensor<int8_t>({}, {-10})})),
            (Values{-10, -8, -8, -11, 90, 127}));
  const Tensor scales = tensor({3}, {0.5, 1, 2});
  EXPECT_EQ(values_of(run(op::QuantizeLinear{1}, {x, scales})), (Values{1, 2, 1, 0, 100, 150}));
  EXPECT_EQ(values_of(run(op::DequantizeLinear{1}, {tensor<uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6}), scales,
                                                    tensor<uint8_t>({3}, {1, 2, 3})})),
            (Values{0, 0, 0, 1.5, 3, 6}));
}

TEST(Evaluate, RearrangesAndPadsImages) {
  Random random(9);
  const Tensor x = random_tensor(random, {2, 12, 4, 6});
  for (const auto mode : {op::DepthToSpace::Mode::dcr, op::DepthToSpace::Mode::crd})
    expect_reference(op::DepthToSpace{2, mode}, {x}, 0);
  const Tensor back = run(op::SpaceToDepth{2}, {run(op::DepthToSpace{2}, {x})});
  EXPECT_EQ(values_of(back), values_of(x)) << "the inverse";
  for (const auto mode : {op::PadMode::constant, op::PadMode::reflect, op::PadMode::edge})
    expect_reference(op::Pad{{2, 1, -1, 3}, mode, 0.5}, {x}, 0);
}

TEST(Evaluate, Pools) {
  Random random(10);
  const Tensor x = random_tensor(random, {2, 3, 7, 5});
  expect_reference(op::GlobalAveragePool{}, {x});
  expect_reference(op::GlobalMaxPool{}, {x}, 0);
  for (const bool maximum : {false, true})
    for (const Pair bins : {Pair{1, 1}, {2, 3}, {7, 5}, {9, 6}})
      expect_reference(op::AdaptivePool{bins, maximum}, {x});
}

TEST(Evaluate, UnpoolingPutsTheMaximaBack) {
  const Tensor x = tensor({1, 1, 1, 2}, {5, 8}), reference = Tensor::zeros(DataType::f32, {1, 1, 2, 4});
  EXPECT_EQ(values_of(run(op::MaxUnpool{}, {x, tensor<int64_t>({1, 1, 1, 2}, {4, 3}), reference})),
            (Values{0, 0, 0, 8, 5, 0, 0, 0}));
  for (const int64_t index : {-1, 8})
    EXPECT_EQ(kind_of_refusal(op::MaxUnpool{}, {x, tensor<int64_t>({1, 1, 1, 2}, {0, index}), reference}),
              ErrorKind::shape);
}

TEST(Evaluate, RoiAlignSamplesBoxes) {
  // Over a plane that is linear in x and y, every bin's mean is the plane's value at the bin's centre.
  Tensor x = Tensor::empty(DataType::f32, {1, 1, 10, 12});
  for (int64_t i = 0; i < 120; ++i)
    x.data<float>()[static_cast<size_t>(i)] = static_cast<float>(i / 12 * 3 + i % 12);
  const Tensor boxes = tensor({1, 4}, {2, 2, 8, 6});
  const op::RoiAlign op{.height = 2, .width = 3};
  const Tensor y = run(op, {x, boxes, list({0})});
  ASSERT_EQ(y.shape(), (Shape{1, 1, 2, 3}));
  for (int64_t row = 0; row < 2; ++row)
    for (int64_t column = 0; column < 3; ++column)
      EXPECT_NEAR(y.data<float>()[static_cast<size_t>(row * 3 + column)],
                  3 * (2.5 + 2 * static_cast<double>(row)) + 2.5 + 2 * static_cast<double>(column), 1e-5);
  op::RoiAlign most = op;
  most.mode = op::RoiAlign::Mode::maximum;
  EXPECT_GT(run(most, {x, boxes, list({0})}).data<float>()[0], 0);
  EXPECT_EQ(kind_of_refusal(op, {x, boxes, list({1})}), ErrorKind::shape);
  EXPECT_EQ(kind_of_refusal(op, {x, tensor({1, 4}, {0, 0, 1e30f, 1}), list({0})}), ErrorKind::limit);
}

TEST(Evaluate, NonMaxSuppressionChoosesGreedily) {
  const Tensor boxes = tensor({1, 4, 4}, {0, 0, 10, 10,    //
                                          0, 1, 10, 11,    // overlaps the first by 9/11
                                          20, 20, 30, 30,  //
                                          10, 10, 0, 0});  // the first, corners swapped
  const Tensor scores = tensor({1, 2, 4}, {0.5, 0.9, 0.3, 0.1, 0.8, 0.1, 0.2, 0.7});
  const auto choose = [&](int64_t most, float overlap, float score) {
    return values_of(run(op::NonMaxSuppression{}, {boxes, scores, tensor<int64_t>({}, {most}),
                                                   tensor({}, {overlap}), tensor({}, {score})}));
  };
  EXPECT_EQ(choose(10, 0.5f, 0), (Values{0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 2}));
  EXPECT_EQ(choose(1, 0.5f, 0), (Values{0, 0, 1, 0, 1, 0}));
  EXPECT_EQ(choose(10, 0.9f, 0.25f), (Values{0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1, 0}));
  EXPECT_EQ(choose(10, 0.5f, 1), Values{});
  EXPECT_EQ(run(op::NonMaxSuppression{}, {boxes, scores}).shape(), (Shape{0, 3})) << "ONNX's default";
  const Tensor centred = tensor({1, 2, 4}, {5, 5, 10, 10, 6, 5, 10, 10});
  EXPECT_EQ(values_of(run(op::NonMaxSuppression{true},
                          {centred, tensor({1, 1, 2}, {0.1f, 0.2f}), list({2}), tensor({1}, {0.5f})})),
            (Values{0, 0, 1}));
}

TEST(Evaluate, IsBounded) {
  const Tensor x = tensor({1}, {1});
  EXPECT_EQ(kind_of_refusal(op::Expand{}, {x, list({int64_t{1} << 30, int64_t{1} << 30})}), ErrorKind::limit);
  EXPECT_EQ(kind_of_refusal(op::ConstantOfShape{}, {list({int64_t{1} << 62, 4})}), ErrorKind::limit);
  EXPECT_EQ(kind_of_refusal(op::Tile{}, {x, list({11})}, 10), ErrorKind::limit);
  EXPECT_EQ(run(op::Tile{}, {x, list({10})}).elements(), 10);
  EXPECT_EQ(kind_of_refusal(op::Conv{}, {Tensor::zeros(DataType::f32, {1, 1, 3, 3}),
                                         Tensor::zeros(DataType::f32, {1, 1, 3, 3})}),
            ErrorKind::unsupported);
  EXPECT_FALSE(can_evaluate(op::Conv{}));
  EXPECT_TRUE(can_evaluate(op::Slice{}));
  EXPECT_EQ(
      kind_of_refusal(op::Add{}, {Tensor::zeros(DataType::f16, {2}), Tensor::zeros(DataType::f16, {2})}),
      ErrorKind::unsupported);
}

}  // namespace
}  // namespace vitrail
