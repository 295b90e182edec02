#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

OpInput f32(Shape shape) {
  return {.shape = std::move(shape)};
}
OpInput of(DataType type, Shape shape) {
  return {.shape = std::move(shape), .type = type};
}
OpInput indices(Shape shape) {
  return of(DataType::i64, std::move(shape));
}
OpInput list(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return {.shape = {count}, .type = DataType::i64, .content = Tensor::from<int64_t>({count}, values)};
}
OpInput absent() {
  return {.present = false};
}

OpResult result(const Op& op, const std::vector<OpInput>& inputs) {
  return op_results(op, inputs).front();
}
Shape shape(const Op& op, const std::vector<OpInput>& inputs) {
  return result(op, inputs).shape;
}
DataType type(const Op& op, const std::vector<OpInput>& inputs) {
  return result(op, inputs).type;
}
// The text of the refusal.
std::string refusal(const Op& op, const std::vector<OpInput>& inputs, ErrorKind kind = ErrorKind::shape) {
  try {
    const Shape accepted = shape(op, inputs);
    ADD_FAILURE() << type_name(op) << " gave " << to_string(accepted);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "";
}

constexpr int64_t any = -1;

TEST(ShapeRules, TypesOfResults) {
  using B = op::Binary::Function;
  const OpInput x = f32({2, 3}), truth = of(DataType::boolean, {2, 3}), bytes = of(DataType::i8, {});
  EXPECT_EQ(type(op::Binary{B::less}, {x, x}), DataType::boolean);
  EXPECT_EQ(type(op::Binary{B::equal}, {truth, truth}), DataType::boolean);
  EXPECT_EQ(type(op::Binary{B::logical_and}, {truth, truth}), DataType::boolean);
  EXPECT_EQ(type(op::Binary{B::divide}, {indices({2}), indices({2})}), DataType::i64);
  EXPECT_EQ(type(op::Where{}, {truth, indices({1}), indices({})}), DataType::i64);
  EXPECT_EQ(type(op::ShapeOf{}, {x}), DataType::i64);
  EXPECT_EQ(type(op::Cast{DataType::u8}, {x}), DataType::u8);
  EXPECT_EQ(type(op::ArgMax{}, {x}), DataType::i64);
  EXPECT_EQ(type(op::TopK{op::TopK::Part::indices}, {x, list({1})}), DataType::i64);
  EXPECT_EQ(type(op::TopK{op::TopK::Part::values}, {x, list({1})}), DataType::f32);
  EXPECT_EQ(type(op::MaxPoolIndices{}, {f32({1, 1, 4, 4})}), DataType::i64);
  EXPECT_EQ(type(op::NonMaxSuppression{}, {f32({1, 2, 4}), f32({1, 1, 2})}), DataType::i64);
  EXPECT_EQ(type(op::QuantizeLinear{}, {x, f32({})}), DataType::u8);
  EXPECT_EQ(type(op::QuantizeLinear{}, {x, f32({}), bytes}), DataType::i8);
  EXPECT_EQ(type(op::DequantizeLinear{}, {of(DataType::i8, {4}), f32({}), bytes}), DataType::f32);
  EXPECT_EQ(type(op::Constant{Tensor::zeros(DataType::i32, {2})}, {}), DataType::i32);
  EXPECT_EQ(type(op::ConstantOfShape{Tensor::zeros(DataType::boolean, {1})}, {list({2})}), DataType::boolean);
  EXPECT_EQ(type(op::ConstantOfShape{}, {list({2})}), DataType::f32);
  EXPECT_EQ(type(op::Identity{}, {truth}), DataType::boolean);
}

TEST(ShapeRules, WrongTypesAreRefused) {
  using U = op::Unary::Function;
  using B = op::Binary::Function;
  const OpInput x = f32({2, 3}), whole = indices({2, 3}), truth = of(DataType::boolean, {2, 3});
  EXPECT_NE(refusal(op::Add{}, {x, whole}).find("f32 and i64"), std::string::npos);
  refusal(op::Unary{U::exp}, {whole});
  refusal(op::Unary{U::logical_not}, {x});
  refusal(op::Binary{B::logical_or}, {x, x});
  refusal(op::Binary{B::subtract}, {truth, truth});
  refusal(op::Where{}, {x, x, x});
  refusal(op::Where{}, {truth, x, whole});
  refusal(op::Softmax{}, {whole});
  refusal(op::Gather{}, {x, f32({1})});
  refusal(op::Reshape{}, {x, f32({2})});
  refusal(op::TopK{}, {x, f32({1})});
  refusal(op::MatMul{}, {x, indices({3, 2})});
  refusal(op::Concat{0}, {x, whole});
  refusal(op::QuantizeLinear{}, {x, f32({}), of(DataType::i32, {})});
  refusal(op::DequantizeLinear{}, {x, f32({})});
  refusal(op::Conv{}, {indices({1, 1, 3, 3}), f32({1, 1, 3, 3})});
  refusal(op::Reduce{op::Reduce::Function::l2}, {whole});
}

TEST(ShapeRules, AScalarIsNotAnInputThatIsLeftOut) {
  EXPECT_EQ(shape(op::Add{}, {f32({}), f32({})}), Shape{});
  EXPECT_EQ(shape(op::Add{}, {f32({}), f32({2, any})}), (Shape{2, any}));
  EXPECT_NE(refusal(op::Add{}, {f32({2}), absent()}).find("input 1 is left out"), std::string::npos);
  const OpInput x = f32({1, 4, 8, 8}), weight = f32({2, 4, 3, 3});
  EXPECT_EQ(shape(op::Conv{}, {x, weight, absent()}), (Shape{1, 2, 6, 6}));
  refusal(op::Conv{}, {x, weight, f32({})});
  refusal(op::Resize{.scales = {{2, 2}}}, {x, f32({})});
  EXPECT_EQ(shape(op::Resize{.scales = {{2, 2}}}, {x, absent()}), (Shape{1, 4, 16, 16}));
}

TEST(ShapeRules, ReshapeFindsTheRest) {
  EXPECT_EQ(shape(op::Reshape{}, {f32({2, 3, 4}), list({0, -1})}), (Shape{2, 12}));
  EXPECT_EQ(shape(op::Reshape{}, {f32({any, 3, 4}), list({0, -1})}), (Shape{any, 12}))
      << "a copied size need not be known";
  EXPECT_EQ(shape(op::Reshape{}, {f32({any, 3, 4}), list({-1, 6})}), (Shape{any, 6}));
  EXPECT_EQ(shape(op::Reshape{}, {f32({1}), list({})}), Shape{});
  EXPECT_EQ(shape(op::Reshape{}, {f32({2, 6}), indices({3})}), (Shape{any, any, any}));
  EXPECT_EQ(shape(op::Reshape{.allow_zero = true}, {f32({0, 3}), list({3, 0})}), (Shape{3, 0}));
  refusal(op::Reshape{}, {f32({2, 3}), list({4, -1})});
  refusal(op::Reshape{}, {f32({2, 3}), list({-1, -1})});
  refusal(op::Reshape{}, {f32({2, 3}), list({2, 3, 0})});
  refusal(op::Reshape{}, {f32({2, 3}), list({7})});
  refusal(op::Reshape{}, {f32({2, 3}), list({-2, 3})});
  refusal(op::Reshape{}, {f32({2, 3}), indices({any})}, ErrorKind::unsupported);
}

TEST(ShapeRules, DimensionsComeAndGo) {
  EXPECT_EQ(shape(op::Flatten{1}, {f32({any, 3, 4})}), (Shape{any, 12}));
  EXPECT_EQ(shape(op::Flatten{0}, {f32({2, 3})}), (Shape{1, 6}));
  EXPECT_EQ(shape(op::Flatten{-1}, {f32({2, 3, 4})}), (Shape{6, 4}));
  refusal(op::Flatten{4}, {f32({2, 3, 4})});
  EXPECT_EQ(shape(op::Squeeze{{-1, 0}}, {f32({1, any, 1})}), (Shape{any}));
  EXPECT_EQ(shape(op::Squeeze{}, {f32({1, 2, 1})}), (Shape{2}));
  refusal(op::Squeeze{{1}}, {f32({1, 2, 1})});
  refusal(op::Squeeze{}, {f32({1, any})}, ErrorKind::unsupported);
  EXPECT_EQ(shape(op::Unsqueeze{{-1, 1}}, {f32({2, any})}), (Shape{2, 1, any, 1}));
  refusal(op::Unsqueeze{{0, 0}}, {f32({2})});
  refusal(op::Unsqueeze{{3}}, {f32({2})});
  EXPECT_EQ(shape(op::Transpose{{1, 2, 0}}, {f32({2, 3, any})}), (Shape{3, any, 2}));
  EXPECT_EQ(shape(op::Transpose{}, {f32({2, 3, 4})}), (Shape{4, 3, 2}));
  refusal(op::Transpose{{0, 0}}, {f32({2, 3})});
  refusal(op::Transpose{{0}}, {f32({2, 3})});
  refusal(op::Transpose{{0, -1}}, {f32({2, 3})});
  EXPECT_EQ(shape(op::Expand{}, {f32({3, 1}), list({2, 1, 4})}), (Shape{2, 3, 4}));
  EXPECT_EQ(shape(op::Expand{}, {f32({3, 1}), indices({2})}), (Shape{3, any}));
  refusal(op::Expand{}, {f32({3, 2}), list({4, 2})});
  EXPECT_EQ(shape(op::Tile{}, {f32({2, any}), list({3, 2})}), (Shape{6, any}));
  refusal(op::Tile{}, {f32({2, 3}), list({3})});
  refusal(op::Tile{}, {f32({2}), list({-1})});
  EXPECT_EQ(shape(op::ShapeOf{.start = 1, .end = -1}, {f32({1, 2, 3, 4})}), Shape{2});
  EXPECT_EQ(shape(op::ShapeOf{.start = 9}, {f32({1, 2})}), Shape{0});
}

TEST(ShapeRules, ChoosingAlongAxes) {
  EXPECT_EQ(shape(op::Slice{}, {f32({10, any}), list({2}), list({-1}), list({0}), list({3})}),
            (Shape{3, any}));
  EXPECT_EQ(shape(op::Slice{}, {f32({10, 4}), indices({1}), list({5})}), (Shape{any, 4}));
  EXPECT_EQ(shape(op::Slice{}, {f32({10, 4}), list({0}), list({5}), indices({1})}), (Shape{any, any}));
  refusal(op::Slice{}, {f32({10, 4}), list({0}), list({5, 6})});
  refusal(op::Slice{}, {f32({10, 4}), list({0, 0}), list({5, 6}), list({1, -1})});
  EXPECT_EQ(shape(op::Gather{1}, {f32({2, any, 4}), indices({5, any})}), (Shape{2, 5, any, 4}));
  EXPECT_EQ(shape(op::Gather{}, {f32({3}), indices({})}), Shape{});
  refusal(op::Gather{2}, {f32({2, 3}), indices({1})});
  EXPECT_EQ(shape(op::GatherElements{1}, {f32({2, 3}), indices({2, 7})}), (Shape{2, 7}));
  refusal(op::GatherElements{1}, {f32({2, 3}), indices({3, 3})});
  refusal(op::GatherElements{1}, {f32({2, 3}), indices({3})});
  EXPECT_EQ(shape(op::TopK{.axis = 0}, {f32({9, 2}), list({4})}), (Shape{4, 2}));
  EXPECT_EQ(shape(op::TopK{.axis = 0}, {f32({9, 2}), indices({1})}), (Shape{any, 2}));
  refusal(op::TopK{.axis = 1}, {f32({9, 2}), list({4})});
  EXPECT_EQ(shape(op::ArgMax{.axis = -1, .keep_dims = false}, {f32({2, 3})}), (Shape{2}));
  EXPECT_EQ(shape(op::Reduce{.axes = {-1, 1}}, {f32({2, any, 4})}), (Shape{2, 1, 1}));
  EXPECT_EQ(shape(op::Reduce{.axes = {0}, .keep_dims = false}, {f32({2, any})}), (Shape{any}));
  EXPECT_EQ(shape(op::Reduce{.keep_dims = false}, {f32({2, 3})}), Shape{});
  refusal(op::Reduce{.axes = {0, -2}}, {f32({2, 3})});
  EXPECT_EQ(shape(op::CumSum{-1}, {f32({2, any})}), (Shape{2, any}));
}

TEST(ShapeRules, RangesAreCounted) {
  const auto scalar = [](auto v) {
    using T = decltype(v);
    return OpInput{.type = data_type_of<T>(), .content = Tensor::from<T>({}, std::vector<T>{v})};
  };
  const auto count = [&](auto start, auto limit, auto delta) {
    return shape(op::Range{}, {scalar(start), scalar(limit), scalar(delta)})[0];
  };
  for (int64_t start = -3; start <= 3; ++start)
    for (int64_t limit = -3; limit <= 3; ++limit)
      for (const int64_t delta : {-2, -1, 1, 2}) {
        int64_t expected = 0;
        for (int64_t at = start; delta > 0 ? at < limit : at > limit; at += delta)
          ++expected;
        EXPECT_EQ(count(start, limit, delta), expected) << start << " " << limit << " " << delta;
      }
  EXPECT_EQ(count(0.0f, 1.0f, 0.3f), 4);
  EXPECT_EQ(shape(op::Range{}, {indices({}), indices({}), indices({})}), Shape{any});
  refusal(op::Range{}, {scalar(int64_t{0}), scalar(int64_t{5}), scalar(int64_t{0})});
  refusal(op::Range{}, {scalar(INT64_MIN), scalar(INT64_MAX), scalar(int64_t{1})});
  refusal(op::Range{}, {scalar(0.0f), scalar(1.0f), indices({})});
}

TEST(ShapeRules, ProductsBroadcast) {
  EXPECT_EQ(shape(op::MatMul{}, {f32({any, 1, 3, 4}), f32({5, 4, 2})}), (Shape{any, 5, 3, 2}));
  EXPECT_EQ(shape(op::MatMul{}, {f32({4}), f32({4, 2})}), (Shape{2}));
  EXPECT_EQ(shape(op::MatMul{}, {f32({2, 3, 4}), f32({4})}), (Shape{2, 3}));
  EXPECT_EQ(shape(op::MatMul{}, {f32({4}), f32({4})}), Shape{});
  refusal(op::MatMul{}, {f32({3, 4}), f32({3, 4})});
  refusal(op::MatMul{}, {f32({}), f32({3, 4})});
  refusal(op::MatMul{}, {f32({2, 3, 4}), f32({3, 4, 5})});
}

TEST(ShapeRules, NormalisationsReadFittingParameters) {
  EXPECT_EQ(shape(op::LayerNormalization{1}, {f32({any, 3, 4}), f32({3, 4}), absent()}), (Shape{any, 3, 4}));
  refusal(op::LayerNormalization{1}, {f32({any, 3, 4}), f32({4})});
  refusal(op::LayerNormalization{3}, {f32({any, 3, 4}), f32({4})});
  EXPECT_EQ(shape(op::InstanceNormalization{}, {f32({2, 3, any}), f32({3}), f32({3})}), (Shape{2, 3, any}));
  refusal(op::InstanceNormalization{}, {f32({2, 3, any}), f32({2}), f32({3})});
  refusal(op::InstanceNormalization{}, {f32({2, 3}), f32({3}), f32({3})});
  refusal(op::QuantizeLinear{1}, {f32({2, 3}), f32({2})});
  refusal(op::LRN{0}, {f32({1, 2, 3, 3})});
}

TEST(ShapeRules, SpaceAndDepth) {
  EXPECT_EQ(shape(op::DepthToSpace{2}, {f32({any, 8, any, 3})}), (Shape{any, 2, any, 6}));
  EXPECT_EQ(shape(op::SpaceToDepth{2}, {f32({any, 2, any, 6})}), (Shape{any, 8, any, 3}));
  refusal(op::DepthToSpace{2}, {f32({1, 6, 2, 2})});
  refusal(op::SpaceToDepth{2}, {f32({1, 2, 3, 2})});
  refusal(op::DepthToSpace{0}, {f32({1, 6, 2, 2})});
  EXPECT_EQ(shape(op::GlobalMaxPool{}, {f32({any, 3, any, 5})}), (Shape{any, 3, 1, 1}));
  EXPECT_EQ(shape(op::AdaptivePool{{2, 6}}, {f32({any, 3, any, 5})}), (Shape{any, 3, 2, 6}));
  refusal(op::AdaptivePool{{0, 6}}, {f32({1, 3, 4, 5})});
  EXPECT_EQ(shape(op::MaxPool{.kernel = {3, 3}, .strides = {1, 1}, .dilations = {2, 3}}, {f32({1, 1, 9, 9})}),
            (Shape{1, 1, 5, 3}));
  refusal(op::MaxPool{.kernel = {3, 3}, .dilations = {5, 1}}, {f32({1, 1, 9, 9})});
  EXPECT_EQ(shape(op::MaxUnpool{}, {f32({any, 3, 2, 2}), indices({any, 3, 2, 2}), f32({1, any, 5, any})}),
            (Shape{1, 3, 5, any}));
  refusal(op::MaxUnpool{}, {f32({1, 3, 2, 2}), indices({1, 3, 2, 1}), f32({1, 3, 5, 5})});
  refusal(op::MaxUnpool{}, {f32({1, 3, 2, 2}), indices({1, 3, 2, 2}), f32({1, 4, 5, 5})});
  refusal(op::MaxUnpool{}, {f32({1, 3, 2, 2}), f32({1, 3, 2, 2}), f32({1, 3, 5, 5})});
}

TEST(ShapeRules, ResizeTakesAComputedTarget) {
  const OpInput x = f32({1, 3, 5, any});
  const OpInput scales{.shape = {2}, .content = Tensor::from<float>({2}, std::vector<float>{1.5f, 2})};
  EXPECT_EQ(shape(op::Resize{}, {x, absent(), list({7, 8})}), (Shape{1, 3, 7, 8}));
  EXPECT_EQ(shape(op::Resize{}, {x, absent(), scales}), (Shape{1, 3, 7, any}));
  EXPECT_EQ(shape(op::Resize{}, {x, absent(), indices({2})}), (Shape{1, 3, any, any}));
  EXPECT_EQ(shape(op::Resize{}, {x, absent(), f32({2})}), (Shape{1, 3, any, any}));
  const op::Resize crop{.coordinates = op::CoordinateMode::tf_crop_and_resize, .roi = {{0, 0.5, 1, 0.75}}};
  EXPECT_EQ(shape(crop, {f32({1, 3, 8, 8}), absent(), scales}), (Shape{1, 3, 12, 4})) << "a quarter, doubled";
  refusal(op::Resize{.sizes = {{2, 2}}, .roi = {{0, 0, 1, 1}}}, {x});
  refusal(op::Resize{}, {x, f32({1, 1, 4, 4}), scales});
  refusal(op::Resize{.sizes = {{2, 2}}}, {x, absent(), scales});
  refusal(op::Resize{}, {x, absent(), list({7})});
  refusal(op::Resize{}, {x, absent(), list({0, 7})});
  refusal(op::Resize{}, {x});
}

TEST(ShapeRules, Boxes) {
  EXPECT_EQ(shape(op::GridSample{}, {f32({2, 3, 4, 5}), f32({2, 7, -1, 2})}), (Shape{2, 3, 7, -1}));
  refusal(op::GridSample{}, {f32({2, 3, 4, 5}), f32({2, 7, 6, 3})});
  refusal(op::GridSample{}, {f32({2, 3, 4, 5}), f32({1, 7, 6, 2})});
  refusal(op::GridSample{}, {f32({2, 3, 4, 5}), f32({2, 7, 2})});
  refusal(op::GridSample{}, {f32({2, 3, 0, 5}), f32({2, 7, 6, 2})});
  const op::RoiAlign align{.height = 7, .width = 5};
  EXPECT_EQ(shape(align, {f32({1, 8, any, any}), f32({any, 4}), indices({any})}), (Shape{any, 8, 7, 5}));
  refusal(align, {f32({1, 8, 4, 4}), f32({2, 5}), indices({2})});
  refusal(align, {f32({1, 8, 4, 4}), f32({2, 4}), indices({3})});
  refusal(align, {f32({1, 8, 4, 4}), f32({2, 4}), f32({2})});
  const op::NonMaxSuppression choose;
  EXPECT_EQ(shape(choose, {f32({2, 10, 4}), f32({2, 3, 10}), list({4})}), (Shape{any, 3}));
  OpInput scores = f32({2, 3, 10});
  scores.content = Tensor::zeros(DataType::f32, scores.shape);  // known: as many as there can be
  EXPECT_EQ(shape(choose, {f32({2, 10, 4}), scores, list({4})}), (Shape{24, 3}));
  EXPECT_EQ(shape(choose, {f32({2, 10, 4}), scores, list({99})}), (Shape{60, 3}));
  EXPECT_EQ(shape(choose, {f32({2, 10, 4}), scores, indices({1})}), (Shape{60, 3}));
  EXPECT_EQ(shape(choose, {f32({any, 10, 4}), f32({any, 3, 10}), list({4})}), (Shape{any, 3}));
  refusal(choose, {f32({2, 10, 4}), f32({2, 3, 11}), list({4})});
  refusal(choose, {f32({2, 10, 4}), f32({2, 3, 10}), f32({1})});
}

TEST(ShapeRules, DynamicDeconvolutionAndEncoding) {
  const op::DynamicDeconvolution one{1}, two{2};
  const OpInput m = f32({any, 19, 4, 6}), v = f32({1, 9, 4, 6});
  EXPECT_EQ(shape(one, {m, v}), (Shape{1, 19, 4, 6}));
  EXPECT_EQ(shape(two, {m, v}), (Shape{1, 19, 8, 12}));
  EXPECT_EQ(shape(two, {m, v, f32({1, 3, 7, 12})}), (Shape{1, 19, 7, 12}));
  EXPECT_EQ(shape(two, {f32({1, 19, any, any}), v, f32({1, 3, any, 11})}), (Shape{1, 19, any, 11}));
  refusal(two, {m, v, f32({1, 3, 6, 12})});
  refusal(two, {m, v, f32({1, 3, 9, 12})});
  refusal(one, {m, v, f32({1, 3, 3, 6})});
  refusal(one, {m, f32({1, 8, 4, 6})});
  refusal(one, {m, f32({1, 9, 4, 5})});
  refusal(op::DynamicDeconvolution{3}, {m, v});
  EXPECT_EQ(shape(op::Encoding{}, {f32({any, 8, any, any}), f32({32, 8}), f32({32})}), (Shape{any, 32, 8}));
  refusal(op::Encoding{}, {f32({1, 8, 4, 4}), f32({32, 9}), f32({32})});
  refusal(op::Encoding{}, {f32({1, 8, 4, 4}), f32({32, 8}), f32({31})});
}

}  // namespace
}  // namespace vitrail
