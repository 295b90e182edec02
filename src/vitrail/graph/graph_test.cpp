#include "vitrail/graph/graph.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <message_of.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/draw.h"
#include "vitrail/graph/liveness.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

Value conv(Graph& graph, Value x, const std::string& name, int64_t out, op::Conv op, int64_t kernel = 3) {
  const Value weight = graph.parameter(
      {.name = name + ".weight", .shape = {out, graph.channels(x) / op.group, kernel, kernel}});
  return graph.add(op, {x, weight}, name);
}

// Sizes by counting the windows one after the other, which is what the formulas promise.
int64_t counted_windows(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                        int64_t after, bool ceil_mode) {
  int64_t count = 0;
  for (int64_t start = -before;; start += stride) {
    const int64_t end = start + (kernel - 1) * dilation + 1;
    const bool whole = end <= in + after;
    const bool begins_inside = start < in && start - stride + (kernel - 1) * dilation + 1 < in + after;
    if (!(whole || (ceil_mode && begins_inside))) break;
    ++count;
  }
  return count;
}

TEST(Graph, NodesWithoutANameTakeOneThatIsFree) {
  Graph graph;
  const Value x = graph.input("x", {1, 1, 2, 2});
  graph.add(op::Relu{}, {x}, "Relu_1");
  graph.add(op::Relu{}, {x});
  EXPECT_EQ(graph.nodes().back().name, "Relu_2");
}

TEST(ShapeRules, WindowsAreCountedExactly) {
  Random random(3);
  int checked = 0;
  for (int i = 0; i < 3000; ++i) {
    const int64_t in = random.integer(1, 40), kernel = random.integer(1, 5), stride = random.integer(1, 4);
    const bool pool = random.chance(0.5), ceil_mode = pool && random.chance(0.5);
    const int64_t dilation = pool ? 1 : random.integer(1, 4);
    const int64_t before = random.integer(0, kernel - 1), after = random.integer(0, kernel - 1);
    if (in + before + after < (kernel - 1) * dilation + 1) continue;
    Graph graph;
    const Value x = graph.input("x", {1, 4, in, in});
    const Value y = pool ? graph.add(op::MaxPool{.kernel = {kernel, kernel},
                                                 .strides = {stride, stride},
                                                 .pads = {before, before, after, after},
                                                 .ceil_mode = ceil_mode},
                                     {x})
                         : conv(graph, x, "c", 2,
                                {.strides = {stride, stride},
                                 .pads = {before, before, after, after},
                                 .dilations = {dilation, dilation}},
                                kernel);
    ASSERT_EQ(graph.shape(y)[2], counted_windows(in, kernel, stride, dilation, before, after, ceil_mode))
        << "in " << in << " kernel " << kernel << " stride " << stride << " dilation " << dilation << " pads "
        << before << "+" << after << " ceil " << ceil_mode;
    ++checked;
  }
  EXPECT_GT(checked, 1500);
}

TEST(ShapeRules, SameUpperPadsTheOddRowAtTheBottom) {
  for (int64_t in = 1; in < 40; ++in)
    for (int64_t stride = 1; stride <= 3; ++stride)
      for (int64_t dilation = 1; dilation <= 3; ++dilation) {
        const Pads pads =
            resolved_pads(AutoPad::same_upper, {}, {in, in}, {3, 3}, {stride, stride}, {dilation, dilation});
        EXPECT_TRUE(pads[2] == pads[0] || pads[2] == pads[0] + 1);
        Graph graph;
        const Value x = graph.input("x", {1, 1, in, in});
        const Value y = conv(graph, x, "c", 1,
                             {.strides = {stride, stride},
                              .dilations = {dilation, dilation},
                              .auto_pad = AutoPad::same_upper});
        EXPECT_EQ(graph.shape(y)[2], (in + stride - 1) / stride);
      }
}

TEST(ShapeRules, TransposedConvolutionInvertsConvolution) {
  for (int64_t in = 4; in < 30; ++in)
    for (int64_t stride = 1; stride <= 4; ++stride) {
      Graph graph;
      const Value x = graph.input("x", {1, 3, in, in});
      const Value small = conv(graph, x, "down", 5, {.strides = {stride, stride}, .pads = {1, 1, 1, 1}});
      const int64_t lost = (in + 2 - 3) % stride;
      const Value weight = graph.parameter({.name = "up.weight", .shape = {5, 3, 3, 3}});
      const Value back = graph.add(
          op::ConvTranspose{
              .strides = {stride, stride}, .pads = {1, 1, 1, 1}, .output_padding = {lost, lost}},
          {small, weight});
      EXPECT_EQ(graph.shape(back), (Shape{1, 3, in, in}));
    }
}

TEST(ShapeRules, UnknownSizesPassThroughAndKnownOnesAreStillChecked) {
  Graph graph;
  const Value x = graph.input("x", {-1, 3, -1, -1});
  const Value y = conv(graph, x, "c", 8, {.strides = {2, 2}, .pads = {1, 1, 1, 1}});
  EXPECT_EQ(graph.shape(y), (Shape{-1, 8, -1, -1}));
  const std::string message = message_of([&] { graph.add(op::Add{}, {x, y}, "sum"); });
  EXPECT_NE(message.find("node 'sum' (Add)"), std::string::npos) << message;
  EXPECT_NE(message.find("?x3x?x?"), std::string::npos) << message;
}

TEST(ShapeInference, NamesTheNodeAndBothShapesWhenASkipDoesNotFit) {
  Graph graph;
  const Value x = graph.input("image", {-1, 3, -1, -1});
  const Value half = graph.add(op::MaxPool{}, {x}, "pool");
  const Value up = graph.add(op::Resize{.scales = {{2, 2}}}, {half}, "up");
  graph.output("sum", graph.add(op::Add{}, {up, x}, "skip"));
  EXPECT_NO_THROW(infer_shapes(graph, {1, 3, 8, 8}));
  const std::string message = message_of([&] { infer_shapes(graph, {1, 3, 7, 8}); });
  EXPECT_NE(message.find("node 'skip' (Add): 1x3x6x8 and 1x3x7x8"), std::string::npos) << message;
}

TEST(ShapeInference, RefusesInputsThatDoNotFit) {
  Graph graph;
  const Value x = graph.input("image", {-1, 3, -1, -1});
  graph.output("y", conv(graph, x, "c", 2, {}));
  EXPECT_NE(message_of([&] { infer_shapes(graph, {1, 4, 8, 8}); }).find("input 'image'"), std::string::npos);
  EXPECT_THROW(infer_shapes(graph, Shape{1, 3, 0, 8}), Error);
  EXPECT_THROW(infer_shapes(graph, std::map<std::string, Shape>{{"imagee", {1, 3, 8, 8}}}), Error);
  EXPECT_NE(message_of([&] {
              infer_shapes(graph, {1, 3, 2, 8});
            }).find("at least 3 is needed"),
            std::string::npos);
  EXPECT_THROW(cost_of(graph, {1, 3, int64_t{1} << 40, int64_t{1} << 40}), Error)
      << "costs of such sizes overflow";
}

TEST(ShapeRules, CropMustLieInside) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 10, 10});
  const Value small = graph.input("small", {1, 7, 6, 4});
  EXPECT_EQ(graph.shape(graph.add(op::Crop{.top = 4, .left = 6}, {x, small})), (Shape{1, 3, 6, 4}));
  EXPECT_THROW(graph.add(op::Crop{.top = 5}, {x, small}), Error);
  EXPECT_THROW(graph.add(op::Crop{.top = -1}, {x, small}), Error);
}

TEST(Graph, NamesAreUnique) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 4, 4});
  graph.add(op::Relu{}, {x}, "a");
  EXPECT_THROW(graph.add(op::Relu{}, {x}, "a"), Error);
  graph.parameter({.name = "p", .shape = {1}});
  EXPECT_THROW(graph.parameter({.name = "p", .shape = {1}}), Error);
  EXPECT_THROW(graph.input("x", {1}), Error);
  EXPECT_THROW(graph.parameter({.name = "unknown size", .shape = {-1}}), Error);
}

TEST(Graph, ForInferenceDropsAuxiliaryHeadsAndTheirParameters) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 8, 8});
  const Value trunk = conv(graph, x, "trunk", 4, {});
  graph.output("aux", conv(graph, trunk, "aux", 2, {}), true);
  graph.output("logits", conv(graph, trunk, "head", 2, {}));
  const Graph kept = graph.for_inference();
  EXPECT_EQ(kept.nodes().size(), 2u);
  EXPECT_EQ(kept.outputs().size(), 1u);
  EXPECT_TRUE(kept.value_of_parameter("trunk.weight").exists());
  EXPECT_FALSE(kept.value_of_parameter("aux.weight").exists());
}

TEST(Liveness, EachValueDiesAfterItsLastReader) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 8, 8});
  const Value a = graph.add(op::Relu{}, {x});
  const Value b = graph.add(op::Relu{}, {a});
  const Value c = graph.add(op::Add{}, {a, b});
  graph.output("y", c);
  const std::vector<Lifetime> lives = lifetimes(graph);
  EXPECT_EQ(lives[static_cast<size_t>(x.id)].last_read, 0);
  EXPECT_EQ(lives[static_cast<size_t>(a.id)].made, 0);
  EXPECT_EQ(lives[static_cast<size_t>(a.id)].last_read, 2);
  EXPECT_EQ(lives[static_cast<size_t>(c.id)].last_read, 3) << "an output lives to the end";
}

TEST(Cost, CountsByHand) {
  Graph graph;
  const Value x = graph.input("x", {-1, 3, -1, -1});
  const Value a = conv(graph, x, "a", 8, {.strides = {2, 2}, .pads = {1, 1, 1, 1}});
  const Value mean = graph.parameter({.name = "mean", .shape = {8}, .role = Role::running_statistic});
  const Value gamma = graph.parameter({.name = "gamma", .shape = {8}});
  const Value b = graph.add(op::BatchNormalization{}, {a, gamma, gamma, mean, mean}, "norm");
  graph.output("y", conv(graph, b, "b", 8, {.group = 8}, 1));
  const Cost cost = cost_of(graph, {1, 3, 8, 8});
  EXPECT_EQ(cost.multiply_adds, 4 * 4 * 8 * 27 + 4 * 4 * 8);
  EXPECT_EQ(cost.parameters_learnable, 8 * 27 + 8 + 8) << "a parameter read twice counts once";
  EXPECT_EQ(cost.parameters_with_running_statistics, 8 * 27 + 8 + 8 + 8);
  EXPECT_EQ(cost.activation_bytes, 3 * 4 * (8 * 4 * 4));
  EXPECT_EQ(cost.peak_bytes, 4 * (3 * 8 * 8 + 8 * 4 * 4)) << "the input and the first map";
  ASSERT_EQ(cost.layers.size(), 3u);
  EXPECT_EQ(cost.layers[0].output, (Shape{1, 8, 4, 4}));
}

// Behind the boxes that are found sizes are open: they count nothing, and the rest counts as ever.
TEST(Cost, WhatDependsOnComputedValuesIsNotCounted) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, -1, -1});
  const Value map = conv(graph, x, "a", 4, {.pads = {1, 1, 1, 1}});
  const Value boxes = graph.add(op::Reshape{.allow_zero = false},
                                {map, graph.add(op::Constant{Tensor::from<int64_t>({3}, {1, -1, 4})}, {})});
  const Value scores = graph.add(op::Transpose{.permutation = {0, 2, 1}},
                                 {graph.add(op::Reduce{.axes = {2}, .keep_dims = true}, {boxes})});
  const Value most = graph.add(op::Constant{Tensor::from<int64_t>({1}, {5})}, {});
  const Value kept = graph.add(op::NonMaxSuppression{}, {boxes, scores, most}, "kept");
  graph.output("y", graph.add(op::Cast{DataType::f32}, {kept}, "cast"));
  const Cost cost = cost_of(graph, {1, 3, 4, 6});
  EXPECT_EQ(cost.open_layers, 2);
  EXPECT_EQ(cost.layers.back().output, (Shape{-1, 3}));
  EXPECT_EQ(cost.layers.back().activation_bytes, 0);
  EXPECT_EQ(cost.multiply_adds, cost.layers.front().multiply_adds);
  EXPECT_GT(cost.multiply_adds, 0);
  EXPECT_NE(graphviz(graph, {1, 3, 4, 6}).find("NonMaxSuppression"), std::string::npos);
  EXPECT_THROW(infer_shapes(graph, Shape{1, 3, 4, 6}), Error) << "who plans is told";
}

TEST(Cost, OfProducts) {
  Graph graph;
  const Value x = graph.input("x", {2, 4, 5, 6});
  const Value votes = graph.add(op::Concat{}, {x, x, graph.add(op::Reduce{.axes = {1}}, {x})});
  using Form = op::DynamicDeconvolution::Form;
  graph.output("exact", graph.add(op::DynamicDeconvolution{2, Form::exact}, {x, votes}, "exact"));
  graph.output("matrix", graph.add(op::DynamicDeconvolution{2, Form::matrix}, {x, votes}, "matrix"));
  const Value words = graph.parameter({.name = "words", .shape = {7, 4}});
  const Value smoothing = graph.parameter({.name = "smoothing", .shape = {7}});
  const Value code = graph.add(op::Encoding{}, {x, words, smoothing}, "code");
  const Value weight = graph.parameter({.name = "weight", .shape = {4, 3}});
  graph.output("product", graph.add(op::MatMul{}, {code, weight}, "product"));
  std::map<std::string, int64_t> counted;
  for (const LayerCost& layer : cost_of(graph, {2, 4, 5, 6}).layers)
    counted[layer.name] = layer.multiply_adds;
  EXPECT_EQ(counted["exact"], 9 * 2 * 4 * 5 * 6) << "every tap of every pixel of the evidence";
  EXPECT_EQ(counted["matrix"], 2 * 4 * 10 * 12);
  EXPECT_EQ(counted["code"], 2 * (2 * 5 * 6) * 7 * 4);
  EXPECT_EQ(counted["product"], 2 * 7 * 3 * 4);
}

TEST(Draw, LeavesArithmeticOnSizesOut) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 8, 8});
  const Value sizes = graph.add(op::Constant{Tensor::from<int64_t>({2}, std::vector<int64_t>{3, -1})}, {});
  graph.output("y", graph.add(op::Reshape{}, {x, graph.add(op::Identity{}, {sizes})}));
  const std::string dot = graphviz(graph, {1, 3, 8, 8});
  EXPECT_NE(dot.find("Reshape"), std::string::npos) << dot;
  EXPECT_EQ(dot.find("Constant"), std::string::npos) << dot;
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '>'), 2) << dot;
}

TEST(Draw, JoinsActivationsToTheirLayer) {
  Graph graph;
  const Value x = graph.input("x", {1, 3, 8, 8});
  graph.output("y", graph.add(op::Relu{}, {conv(graph, x, "a", 4, {})}));
  const std::string dot = graphviz(graph, {1, 3, 8, 8});
  EXPECT_NE(dot.find("Conv + Relu"), std::string::npos) << dot;
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '>'), 2) << "image -> conv -> output: " << dot;
}

}  // namespace
}  // namespace vitrail
