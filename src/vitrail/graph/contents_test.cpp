// Shapes that are computed in the graph: contents are followed from constants and known sizes.

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/graph.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

Tensor list(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Tensor::from<int64_t>({count}, values);
}

// A graph in the making, as ONNX files write shape arithmetic.
struct Sketch {
  Graph graph;
  Value numbers(std::vector<int64_t> values) { return graph.add(op::Constant{list(std::move(values))}, {}); }
  Value floats(const std::vector<float>& values) {
    return graph.add(op::Constant{Tensor::from<float>({static_cast<int64_t>(values.size())}, values)}, {});
  }
  Value size(Value x, int64_t dimension) {
    return graph.add(op::ShapeOf{.start = dimension, .end = dimension + 1}, {x});
  }
  Value concat(std::vector<Value> parts) { return graph.add(op::Concat{0}, std::move(parts)); }
};

TEST(Contents, AreFollowedThroughArithmetic) {
  Sketch s;
  const Value x = s.graph.input("x", {-1, 3, -1, -1});
  const Value height = s.size(x, 2), width = s.size(x, 3);
  const Value half = s.graph.add(op::Binary{op::Binary::Function::divide}, {height, s.numbers({2})});
  const Value product = s.graph.add(op::Mul{}, {half, width});
  const Value sizes = s.concat({s.size(x, 0), product, s.numbers({-1})});
  const Value y = s.graph.add(op::Reshape{}, {x, sizes}, "y");
  s.graph.output("y", y);
  EXPECT_EQ(s.graph.shape(y), (Shape{-1, -1, -1})) << "the rank is known at once";
  EXPECT_FALSE(s.graph.content(sizes).defined());

  const ShapeTable shapes = infer_shapes(s.graph, {2, 3, 8, 5});
  EXPECT_EQ(shapes[y], (Shape{2, 20, 6}));
  ASSERT_TRUE(shapes.content(sizes).defined());
  EXPECT_EQ(shapes.content(sizes).data<int64_t>()[1], 20);
  EXPECT_FALSE(shapes.content(y).defined());
}

TEST(Contents, OfPartlyKnownShapesKeepWhatIsKnown) {
  Sketch s;
  const Value x = s.graph.input("x", {-1, 6, -1, -1});
  const Value shape = s.graph.add(op::ShapeOf{}, {x});
  const Value channels = s.graph.add(op::Gather{}, {shape, s.numbers({1})});
  ASSERT_TRUE(s.graph.content(channels).defined()) << "the channels are known though the rest is not";
  EXPECT_EQ(s.graph.content(channels).data<int64_t>()[0], 6);
  const Value groups = s.graph.add(op::Binary{op::Binary::Function::divide}, {channels, s.numbers({2})});
  const Value sizes = s.concat(
      {s.size(x, 0), s.numbers({2}), groups, s.size(x, 2), s.graph.add(op::ShapeOf{.start = -1}, {x})});
  const Value split = s.graph.add(op::Reshape{}, {x, sizes});
  EXPECT_EQ(s.graph.shape(split), (Shape{-1, 2, 3, -1, -1}));
  const Value shuffled = s.graph.add(op::Transpose{{0, 2, 1, 3, 4}}, {split});
  const Value joined = s.graph.add(op::Reshape{}, {shuffled, shape}, "joined");
  EXPECT_EQ(s.graph.shape(joined), (Shape{-1, 6, -1, -1}));
  EXPECT_EQ(s.graph.channels(joined), 6);
  s.graph.output("y", joined);
  EXPECT_EQ(infer_shapes(s.graph, {2, 6, 4, 4})[joined], (Shape{2, 6, 4, 4}));
}

TEST(Contents, WhatIsUnknownStaysUnknownThroughArithmetic) {
  Sketch s;
  const Value x = s.graph.input("x", {-1, 6, -1, 9});
  const Value shape = s.graph.add(op::ShapeOf{}, {x});
  const Value doubled = s.graph.add(op::Mul{}, {shape, s.numbers({1, 2, 2, 2})});
  const Value y = s.graph.add(op::ConstantOfShape{list({0})}, {doubled});
  EXPECT_EQ(s.graph.shape(y), (Shape{-1, 12, -1, 18}));
  // One unknown element leaves a sum over all of them unknown, and a division by them is not tried.
  const Value total = s.graph.add(op::Reduce{.function = op::Reduce::Function::prod}, {shape});
  EXPECT_FALSE(s.graph.content(total).defined());
  const Value ratio = s.graph.add(op::Binary{op::Binary::Function::divide},
                                  {s.numbers({12}), s.graph.add(op::Binary{}, {shape, s.numbers({1})})});
  EXPECT_FALSE(s.graph.content(ratio).defined());
  EXPECT_EQ(s.graph.shape(ratio), Shape{4});
}

TEST(Contents, FloatsMakeScalesAndSizesForResize) {
  Sketch s;
  const Value x = s.graph.input("x", {1, 4, -1, -1});
  const Value wanted = s.graph.add(op::Cast{DataType::f32}, {s.numbers({21, 40})});
  const Value own = s.graph.add(op::Cast{DataType::f32}, {s.graph.add(op::ShapeOf{.start = 2}, {x})});
  const Value scales = s.graph.add(op::Binary{op::Binary::Function::divide}, {wanted, own});
  const Value y = s.graph.add(op::Resize{}, {x, {}, scales}, "y");
  const Value z = s.graph.add(op::Resize{}, {x, {}, s.numbers({6, 7})}, "z");
  s.graph.output("y", y);
  EXPECT_EQ(s.graph.shape(y), (Shape{1, 4, -1, -1}));
  EXPECT_EQ(s.graph.shape(z), (Shape{1, 4, 6, 7}));
  EXPECT_EQ(infer_shapes(s.graph, {1, 4, 14, 10})[y], (Shape{1, 4, 21, 40}));
}

// Numbers behind computed ones: the table must not take all of them for known.
TEST(Contents, OfConcatenatedDataAndNumbersAreNotThoseOfTheResult) {
  Sketch s;
  const Value x = s.graph.input("x", {3});
  const Value joined = s.concat({x, s.floats({7})});
  const Value last = s.graph.add(op::Slice{}, {joined, s.numbers({3}), s.numbers({4})});
  s.graph.output("joined", joined);
  s.graph.output("last", last);
  const ShapeTable table = infer_shapes(s.graph, Shape{3});
  EXPECT_EQ(table[joined], (Shape{4}));
  EXPECT_FALSE(table.content(joined).defined());
  ASSERT_TRUE(table.content(last).defined()) << "what is known of it passes on";
  EXPECT_EQ(table.content(last).data<float>()[0], 7);
}

TEST(Contents, SurviveTheInferenceCopy) {
  Sketch s;
  const Value x = s.graph.input("x", {-1, 3, -1, -1});
  const Value unused = s.numbers({1, 2, 3});
  s.graph.add(op::Reshape{}, {x, s.concat({unused, s.numbers({-1})})});
  const Value y = s.graph.add(op::Reshape{}, {x, s.numbers({0, 3, -1})}, "y");
  s.graph.output("y", y);
  const Graph copy = s.graph.for_inference();
  EXPECT_EQ(copy.nodes().size(), 2u) << "the constant and the reshape";
  EXPECT_EQ(copy.shape(copy.outputs()[0].value), (Shape{-1, 3, -1}));
  EXPECT_EQ(infer_shapes(copy, {1, 3, 4, 5})[copy.outputs()[0].value], (Shape{1, 3, 20}));
}

TEST(Contents, ConstantBoxesAreChosenWhileShapesAreInferred) {
  Sketch s;
  const Value boxes = s.graph.add(
      op::Constant{Tensor::from<float>({1, 2, 4}, std::vector<float>{0, 0, 1, 1, 0, 0, 1, 1})}, {});
  const Value scores =
      s.graph.add(op::Constant{Tensor::from<float>({1, 1, 2}, std::vector<float>{1, 2})}, {});
  const Value computed = s.graph.input("scores", {1, 1, 2});
  const Value most = s.numbers({5}), threshold = s.floats({0.5f});
  EXPECT_EQ(s.graph.shape(s.graph.add(op::NonMaxSuppression{}, {boxes, scores, most, threshold})),
            (Shape{1, 3}));
  EXPECT_EQ(s.graph.shape(s.graph.add(op::NonMaxSuppression{}, {boxes, computed, most, threshold})),
            (Shape{-1, 3}))
      << "open, as long as the scores are not known";
}

TEST(Contents, SizesThatDependOnTheImageAreRefusedByName) {
  Sketch s;
  const Value x = s.graph.input("x", {1, 1, 2, 2});
  const Value scores = s.graph.add(op::Cast{DataType::i64}, {x});
  const Value k = s.graph.add(op::Reshape{},
                              {s.graph.add(op::Reduce{op::Reduce::Function::max}, {scores}), s.numbers({1})});
  const Value best = s.graph.add(op::TopK{}, {x, k}, "best");
  EXPECT_EQ(s.graph.shape(best), (Shape{1, 1, 2, -1}));
  s.graph.output("y", best);
  try {
    infer_shapes(s.graph, {1, 1, 2, 2});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_NE(std::string(error.what()).find("node 'best' (TopK)"), std::string::npos) << error.what();
  }
}

TEST(Contents, LargeTensorsAreNotFollowed) {
  Sketch s;
  const Value many = s.graph.add(op::ConstantOfShape{list({3})}, {s.numbers({kMostContent + 1})});
  EXPECT_EQ(s.graph.shape(many), Shape{kMostContent + 1});
  EXPECT_FALSE(s.graph.content(many).defined());
  EXPECT_TRUE(
      s.graph.content(s.graph.add(op::ConstantOfShape{list({3})}, {s.numbers({kMostContent})})).defined());
  const Value table = s.graph.add(op::Constant{Tensor::zeros(DataType::f32, {100, 100})}, {});
  EXPECT_FALSE(s.graph.content(table).defined());
}

}  // namespace
}  // namespace vitrail
