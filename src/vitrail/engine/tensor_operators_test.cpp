// How whole graphs of tensor operators run: by reference where there is no step, sizes while they compile,
// results of unknown size.

#include "vitrail/base/error.h"
#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

TEST(TensorOperators, TheRestRunsAsReferenceAndSaysSo) {
  Case c(28000);
  const Value x = any_layout(c, {2, 6, 5, 7});
  c.graph.output("cumulative", c.graph.add(op::CumSum{2}, {x}));
  c.graph.output("top", c.graph.add(op::TopK{op::TopK::Part::values, 1}, {x, integers(c, {3})}));
  const Value scale = c.parameter({6}, 0.01, 0.02);
  const Value zero = c.graph.add(op::Constant{Tensor::zeros(DataType::u8, {6})}, {});
  const Value quantized = c.graph.add(op::QuantizeLinear{1}, {x, scale, zero});
  c.graph.output("restored", c.graph.add(op::DequantizeLinear{1}, {quantized, scale, zero}));
  const Value boxes = c.parameter({3, 4}, 0, 5);
  const Value images = c.graph.add(op::Constant{Tensor::from<int64_t>({3}, {0, 1, 1})}, {});
  c.graph.output("crops", c.graph.add(op::RoiAlign{.height = 2, .width = 3}, {x, boxes, images}));
  expect_agreement(c);
  int64_t references = 0;
  for (const StepReport& step : Engine(c.graph, c.weights).report({{2, 6, 5, 7}}).steps)
    references += step.kernel == "reference";
  EXPECT_EQ(references, 4);
}

// Sizes that the graph computes are computed once, while it is compiled.
TEST(TensorOperators, ShapeArithmeticCostsNothing) {
  Case c(29000);
  const Value x = c.input({1, 6, 8, 10}), small = c.conv(x, 6, 4, 1);
  const Value sizes = c.graph.add(op::ShapeOf{}, {small});
  const auto size = [&](int64_t d) { return c.graph.add(op::Gather{0}, {sizes, integers(c, {d})}); };
  const Value target =
      c.graph.add(op::Concat{0}, {size(0), size(1), c.graph.add(op::Mul{}, {size(2), size(3)})});
  c.graph.output("y", c.graph.add(op::Reshape{}, {small, target}));
  expect_agreement(c);
  for (const StepReport& step : Engine(c.graph, c.weights).report({{1, 6, 8, 10}}).steps)
    EXPECT_TRUE(step.kind != "gather" && step.kind != "concat" && step.kernel != "reference") << step.kind;
}

// The same tensor in two shapes is two tensors, though the programs know the shapes by then.
TEST(TensorOperators, TwoShapesOfOneTensor) {
  Case c(29030);
  const Value x = c.graph.add(op::Relu{}, {c.input({1, 4, 6, 8})});
  c.graph.output("line", c.graph.add(op::Reshape{}, {x, integers(c, {-1})}));
  c.graph.output("column", c.graph.add(op::Reshape{}, {x, integers(c, {-1, 1})}));
  c.graph.output("twice", c.graph.add(op::Expand{}, {x, integers(c, {2, 4, 6, 8})}));
  c.graph.output("thrice", c.graph.add(op::Expand{}, {x, integers(c, {3, 4, 6, 8})}));
  expect_agreement(c);
}

// Whole numbers are put where MaxUnpool says, as floats are.
TEST(TensorOperators, WholeNumbersAreUnpooled) {
  Graph graph;
  const Value x = graph.input("x", {1, 1, 1, 3}, DataType::i64);
  const Value at = graph.input("at", {1, 1, 1, 3}, DataType::i64), like = graph.input("like", {1, 1, 2, 3});
  graph.output("y", graph.add(op::MaxUnpool{}, {x, at, like}));
  const auto whole = [](const std::vector<int64_t>& values) {
    return Tensor::from<int64_t>({1, 1, 1, 3}, values);
  };
  const Tensor y = Engine(graph, {})
                       .run({whole({7, 8, 9}), whole({4, 0, 5}), Tensor::zeros(DataType::f32, {1, 1, 2, 3})})
                       .at(0);
  const auto values = y.data<int64_t>();
  EXPECT_EQ(std::vector<int64_t>(values.begin(), values.end()), (std::vector<int64_t>{8, 0, 0, 0, 7, 9}));
}

// A graph without weights takes inputs without elements.
TEST(TensorOperators, NothingComesOfNothing) {
  Graph graph;
  const Value x = graph.input("x", {3, -1, 5}, DataType::i64);
  graph.output("y", graph.add(op::Transpose{{2, 0, 1}}, {graph.add(op::Add{}, {x, x})}));
  const Engine engine(graph, {});
  EXPECT_EQ(engine.run({Tensor::zeros(DataType::i64, {3, 0, 5})}).at(0).shape(), (Shape{5, 3, 0}));
  EXPECT_EQ(engine.run({Tensor::zeros(DataType::i64, {3, 2, 5})}).at(0).shape(), (Shape{5, 3, 2}));
  EXPECT_THROW(engine.run({Tensor::zeros(DataType::i64, {2, 0, 5})}), Error);
}

// The map that a convolution's result is added to lies as the reshaping before it left it.
TEST(Engine, AddsConvolutionsToMapsOfEitherLayout) {
  check(29050, 6, [](Case& c) {
    const int64_t channels = c.pick(2, 20), height = c.pick(3, 9), width = c.pick(3, 9);
    const Value x = any_layout(c, {1, channels, height, width});
    const Value turned = c.graph.add(op::Reshape{}, {x, integers(c, {0, 0, width, height})});
    const Value inner =
        c.graph.add(op::Relu{}, {c.conv(turned, channels, channels, 3, {.pads = {1, 1, 1, 1}})});
    return c.graph.add(op::Add{}, {turned, c.conv(inner, channels, channels, 1)});
  });
}

class BoxChoice : public testing::Test {
 protected:
  BoxChoice() : c(29100) {
    boxes = c.graph.input("boxes", {1, 4, 4});
    scores = c.graph.input("scores", {1, 2, 4});
    const auto number = [&](float value) {
      return c.graph.add(op::Constant{Tensor::from<float>({1}, std::vector<float>{value})}, {});
    };
    chosen = c.graph.add(op::NonMaxSuppression{},
                         {boxes, scores, integers(c, {3}), number(0.5f), number(0.25f)}, "chooser");
  }
  Case c;
  Value boxes, scores, chosen;
};

TEST_F(BoxChoice, ComesOutWithAsManyRowsAsThereAre) {
  c.graph.output("chosen", chosen);
  // Boxes 0 and 1 overlap; 3 scores too little.
  const Tensor corners = Tensor::from<float>({1, 4, 4}, {0, 0, 1, 1, 0, 0, 1, 1.1f, 5, 5, 6, 6, 8, 8, 9, 9});
  const Tensor values = Tensor::from<float>({1, 2, 4}, {.9f, .8f, .7f, .1f, .1f, .6f, .1f, .1f});
  const Tensor found = Engine(c.graph, {}).run({corners, values})[0];
  ASSERT_EQ(found.shape(), (Shape{3, 3}));
  const std::vector<int64_t> expected = {0, 0, 0, 0, 0, 2, 0, 1, 1};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.data<int64_t>().begin()));
}

// Rows of a table by the boxes that are kept, whose number is known only then; none where no score will do.
TEST_F(BoxChoice, IsReadByOtherNodes) {
  const Value table = c.graph.input("table", {4, 2});
  const Value index = c.graph.add(op::Constant{Tensor::from<int64_t>({}, {2})}, {}, "box");
  const Value rows = c.graph.add(op::Gather{.axis = 1}, {chosen, index}, "rows");
  const Value found = c.graph.add(op::Gather{.axis = 0}, {table, rows}, "found");
  c.graph.output("doubled", c.graph.add(op::Add{}, {found, found}, "doubled"));
  c.graph.output("size", c.graph.add(op::ShapeOf{}, {found}, "size"));
  const Engine engine(c.graph, {});
  const Tensor corners = Tensor::from<float>({1, 4, 4}, {0, 0, 1, 1, 0, 0, 1, 1.1f, 5, 5, 6, 6, 8, 8, 9, 9});
  const Tensor lines = Tensor::from<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor values = Tensor::from<float>({1, 2, 4}, {.9f, .8f, .7f, .1f, .1f, .6f, .1f, .1f});
  const std::vector<Tensor> three = engine.run({corners, values, lines});
  ASSERT_EQ(three[0].shape(), (Shape{3, 2}));
  const std::vector<float> expected = {2, 4, 10, 12, 6, 8};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), three[0].data<float>().begin()));
  const std::vector<Tensor> none = engine.run({corners, Tensor::zeros(DataType::f32, {1, 2, 4}), lines});
  EXPECT_EQ(none[0].shape(), (Shape{0, 2}));
  EXPECT_EQ(none[1].data<int64_t>()[0], 0);
  EXPECT_FALSE(engine.report({{1, 4, 4}, {1, 2, 4}, {4, 2}}).notes.empty());
}

// What a stage must make depends on what a condition chose: by turns what it computes and what is there.
TEST(Engine, AConditionMayChooseAnew) {
  Graph graph;
  const Value condition = graph.input("condition", {}, DataType::boolean);
  const Value x = graph.input("x", {-1}), y = graph.input("y", {-1});
  const Value computed = graph.add(op::Unary{op::Unary::Function::neg}, {x});
  graph.output("chosen", graph.add(op::Where{}, {condition, computed, y}));
  const Engine engine(graph, {});
  Tensor yes = Tensor::zeros(DataType::boolean, {}), no = yes.clone();
  yes.raw()[0] = std::byte{1};
  const Tensor two = Tensor::from<float>({2}, {1, 2}), three = Tensor::from<float>({3}, {4, 5, 6});
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_TRUE(same_bytes(engine.run({no, two, three})[0], three));
    EXPECT_TRUE(same_bytes(engine.run({yes, two, three})[0], Tensor::from<float>({2}, {-1, -2})));
  }
}

}  // namespace
}  // namespace vitrail::engine_test
