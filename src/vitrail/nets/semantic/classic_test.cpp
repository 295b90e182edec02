// FCN, U-Net, SegNet, Dilation and DeepLab on VGG16: sizes, offsets, multiply-adds and starts of SPEC 2 to 6,
// 14 and 16.

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/nets/decoders/context.h"
#include "vitrail/nets/grid.h"
#include "vitrail/nets/registry.h"
#include "vitrail/nets/semantic/unet.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

using Sizes = std::map<std::string, int64_t>;

// Heights of the named nodes' maps for a square input.
void expect_heights(const Graph& graph, int64_t side, Sizes expected) {
  const ShapeTable shapes = infer_shapes(graph, {1, 3, side, side});
  for (const Node& node : graph.nodes())
    if (const auto found = expected.find(node.name); found != expected.end()) {
      EXPECT_EQ(shapes[node.outputs[0]][2], found->second) << node.name;
      expected.erase(found);
    }
  EXPECT_TRUE(expected.empty()) << "no node " << expected.begin()->first;
}

std::map<std::string, int64_t> crops(const Graph& graph) {
  std::map<std::string, int64_t> result;
  for (const Node& node : graph.nodes())
    if (const auto* crop = std::get_if<op::Crop>(&node.op)) result[node.name] = crop->top;
  return result;
}

void expect_multiply_adds(const std::string& name, int64_t classes, const Shape& input, double expected) {
  const Cost cost = cost_of(build_net(name, {.classes = classes}).graph, input);
  EXPECT_NEAR(static_cast<double>(cost.multiply_adds), expected, 0.001 * expected) << name;
}

TEST(Fcn, SizesOfTheWalkThrough) {
  expect_heights(build_net("fcn8s-vgg16", {.classes = 21}).graph, 500,
                 {{"backbone.features.0", 698},
                  {"backbone.pool1", 349},
                  {"backbone.pool2", 175},
                  {"backbone.pool3", 88},
                  {"backbone.pool4", 44},
                  {"backbone.pool5", 22},
                  {"backbone.classifier.0", 16},
                  {"score_fr", 16},
                  {"upscore2", 34},
                  {"upscore_pool4", 70},
                  {"upscore", 568},
                  {"crop", 500}});
  expect_heights(build_net("fcn16s-vgg16", {.classes = 21}).graph, 500, {{"upscore", 560}});
  expect_heights(build_net("fcn32s-vgg16", {.classes = 21}).graph, 500, {{"upscore", 544}});
}

TEST(Fcn, CropsWhereThePublishedNetworksDo) {
  using Crops = std::map<std::string, int64_t>;
  EXPECT_EQ(crops(build_net("fcn32s-vgg16", {}).graph), (Crops{{"crop", 19}}));
  EXPECT_EQ(crops(build_net("fcn16s-vgg16", {}).graph), (Crops{{"score_pool4_crop", 5}, {"crop", 27}}));
  EXPECT_EQ(crops(build_net("fcn8s-vgg16", {}).graph),
            (Crops{{"score_pool4_crop", 5}, {"score_pool3_crop", 9}, {"crop", 31}}));
  EXPECT_EQ(crops(build_net("fcn32s-alexnet", {}).graph), (Crops{{"crop", 18}}));
}

// Whatever the trunk and the strides: cell 0 of the logits lies on pixel 0, and maps that are added lie on
// each other.
TEST(Fcn, EveryMapLiesWhereItsPartnerDoes) {
  for (const char* trunk : {"vgg16", "alexnet", "googlenet"})
    for (const int64_t stride : {32, 16, 8}) {
      const Graph graph = build_net(cat("fcn", stride, "s-", trunk), {}).graph;
      const Grid grid = grid_of(graph, graph.outputs()[0].value);
      EXPECT_EQ(grid.step, 1) << trunk << stride;
      EXPECT_EQ(grid.origin, 0) << trunk << stride;
      for (const Node& node : graph.nodes())
        if (std::holds_alternative<op::Add>(node.op)) {
          EXPECT_EQ(cells_between(graph, node.inputs[0], node.inputs[1]), 0) << node.name;
        }
    }
}

TEST(Fcn, MultiplyAddsAndUpsamplingWeights) {
  const std::vector<std::tuple<const char*, double, int64_t>> expected{{"fcn32s-vgg16", 181.37e9, 1806336},
                                                                       {"fcn16s-vgg16", 181.45e9, 458640},
                                                                       {"fcn8s-vgg16", 181.53e9, 127008}};
  for (const auto& [name, multiply_adds, dense] : expected) {
    expect_multiply_adds(name, 21, {1, 3, 500, 500}, multiply_adds);
    int64_t constants = 0;
    const Model model = build_net(name, {.classes = 21});
    for (const Parameter& parameter : model.graph.parameters())
      if (parameter.role == Role::constant) constants += element_count(parameter.shape);
    EXPECT_EQ(constants, dense) << name;
  }
}

TEST(Fcn, OptionsOfTheReleasedNetworks) {
  const Model trained = build_net("fcn8s-vgg16", {.set = {{"learn_upsampling", "1"}}});
  for (const Parameter& parameter : trained.graph.parameters())
    EXPECT_EQ(parameter.role, Role::learnable) << parameter.name;
  const Model zero = build_net("fcn8s-vgg16", {.set = {{"zero_scores", "1"}}});
  const Value score = zero.graph.value_of_parameter("score_fr.weight");
  EXPECT_TRUE(std::holds_alternative<init::Zeros>(zero.graph.parameter_of(score)->init));
  const Model at_once = build_net("fcn8s-vgg16", {.set = {{"at_once", "1"}}});
  std::vector<float> scales;
  for (const Node& node : at_once.graph.nodes())
    if (const auto* constant = std::get_if<op::Constant>(&node.op))
      scales.push_back(constant->value.data<float>()[0]);
  EXPECT_EQ(scales, (std::vector<float>{0.01f, 0.0001f}));
}

// SPEC 2.1: SIFT Flow's shared trunk with two branches of scores, 33 and 3.
TEST(Fcn, ASecondBranchSharesTheTrunk) {
  for (const auto& [name, maps] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"fcn32s-vgg16", {4096}}, {"fcn16s-vgg16", {4096, 512}}, {"fcn8s-vgg16", {4096, 512, 256}}}) {
    SCOPED_TRACE(name);
    const Graph one = build_net(name, {.classes = 33}).graph;
    const Graph two = build_net(name, {.classes = 33, .set = {{"geometric", "3"}}}).graph;
    int64_t scores = 0;  // a 1x1 to three classes, with bias, on each of these maps
    for (const int64_t channels : maps)
      scores += 3 * channels + 3;
    const Shape input{2, 3, 256, 256};
    EXPECT_EQ(cost_of(two, input).parameters_learnable - cost_of(one, input).parameters_learnable, scores);
    for (const Parameter& parameter : one.parameters())
      EXPECT_TRUE(two.value_of_parameter(parameter.name).exists()) << parameter.name;
    ASSERT_EQ(two.outputs().size(), 2u);
    EXPECT_EQ(two.outputs()[1].name, "geometric");
    EXPECT_FALSE(two.outputs()[1].training_only);
    const ShapeTable shapes = infer_shapes(two, input);
    EXPECT_EQ(shapes[two.outputs()[0].value], (Shape{2, 33, 256, 256}));
    EXPECT_EQ(shapes[two.outputs()[1].value], (Shape{2, 3, 256, 256}));
  }
  EXPECT_THROW(build_net("fcn8s-vgg16", {.set = {{"geometric", "-1"}}}), Error);
}

TEST(Grid, SaysWhatItCannotFollow) {
  Graph graph;
  const Value image = graph.input("image", {1, 3, 64, 64});
  const Value resized = graph.add(op::Resize{.sizes = {{32, 32}}}, {image}, "small");
  EXPECT_THROW(grid_of(graph, resized), Error);
  const Value half = graph.add(op::MaxPool{}, {image}, "half");
  EXPECT_THROW(cells_between(graph, half, image), Error) << "steps differ";
  const Value shifted = graph.add(op::MaxPool{.strides = {1, 1}}, {image}, "shifted");
  EXPECT_THROW(cells_between(graph, shifted, image), Error) << "half a pixel apart";
}

// SPEC 3.1: 572 -> 388 and every level on the way; 3 channels here, so one kernel's worth more than the
// 31,030,658 of one.
TEST(UNet, OriginalSizesAndCounts) {
  const Model grey = build_net("unet-valid", {.classes = 2, .set = {{"channels", "1"}, {"border", "0"}}});
  const Shape input{1, 1, 572, 572};
  const Cost cost = cost_of(grey.graph, input);
  EXPECT_EQ(cost.parameters_learnable, 31030658);
  EXPECT_NEAR(static_cast<double>(cost.multiply_adds), 150.4e9, 0.15e9);
  EXPECT_EQ(grey.info.preprocessing.order, ChannelOrder::grey);
  const ShapeTable shapes = infer_shapes(grey.graph, input);
  std::vector<int64_t> heights;
  for (const Node& node : grey.graph.nodes())
    if (std::holds_alternative<op::Conv>(node.op) || std::holds_alternative<op::MaxPool>(node.op) ||
        std::holds_alternative<op::ConvTranspose>(node.op))
      heights.push_back(shapes[node.outputs[0]][2]);
  EXPECT_EQ(heights, (std::vector<int64_t>{570, 568, 284, 282, 280, 140, 138, 136, 68,  66,  64,  32,  30, 28,
                                           56,  54,  52,  104, 102, 100, 200, 198, 196, 392, 390, 388, 388}));
}

TEST(UNet, PaddedCounts) {
  EXPECT_EQ(cost_of(build_net("unet", {.classes = 21, .set = {{"batch_norm", "0"}}}).graph, {1, 3, 64, 64})
                .parameters_learnable,
            31033045);
  expect_multiply_adds("unet", 21, {1, 3, 512, 512}, 193.0e9);
}

// Where the original's valid output lies: its crops are the centres, for sizes that its pools do not divide
// too.
TEST(UNet, SkipsAreAligned) {
  const Graph graph = build_net("unet-valid", {.set = {{"border", "0"}}}).graph;
  for (const Node& node : graph.nodes())
    if (std::holds_alternative<op::Concat>(node.op)) {
      EXPECT_EQ(cells_between(graph, node.inputs[0], node.inputs[1]), 0) << node.name;
    }
  EXPECT_EQ(grid_of(graph, graph.outputs()[0].value).origin, 92);
}

TEST(UNet, RefusesImpossibleOptions) {
  for (const std::pair<const std::string, std::string>& setting : std::map<std::string, std::string>{
           {"base", "0"}, {"channels", "2"}, {"batch_norm", "7"}, {"border", "1"}})
    EXPECT_THROW(build_net("unet", {.set = {setting}}), Error) << setting.first;
}

// SPEC 3.3: 360x480 -> 180, 90, 45, 23, 12 rows and back, with explicit unpooling sizes.
TEST(SegNet, SizesAndMultiplyAdds) {
  const Graph graph = build_net("segnet", {.classes = 11}).graph;
  const ShapeTable shapes = infer_shapes(graph, {1, 3, 360, 480});
  const std::map<std::string, std::pair<int64_t, int64_t>> expected{
      {"backbone.pool1", {180, 240}}, {"backbone.pool2", {90, 120}},  {"backbone.pool3", {45, 60}},
      {"backbone.pool4", {23, 30}},   {"backbone.pool5", {12, 15}},   {"decoder5.unpool", {23, 30}},
      {"decoder4.unpool", {45, 60}},  {"decoder3.unpool", {90, 120}}, {"decoder1.1", {360, 480}}};
  size_t found = 0;
  for (const Node& node : graph.nodes())
    if (const auto size = expected.find(node.name); size != expected.end()) {
      const Shape& shape = shapes[node.outputs[0]];
      EXPECT_EQ((std::pair{shape[2], shape[3]}), size->second) << node.name;
      ++found;
    }
  EXPECT_EQ(found, expected.size());
  expect_multiply_adds("segnet", 11, {1, 3, 360, 480}, 106.7e9);
}

TEST(Dilation, SizesAndMultiplyAdds) {
  const Graph graph = build_net("dilation8-vgg16", {.classes = 21}).graph;
  // The border's 2 x 186 and 7 spare rows make 900 of 521: 66 + 0 scores, eightfold 528, cut to 521.
  expect_heights(graph, 521,
                 {{"mirror", 900},
                  {"backbone.classifier.0", 66},
                  {"final", 66},
                  {"context.conv1", 130},
                  {"context.conv7", 66},
                  {"context.final", 66},
                  {"upsample", 528},
                  {"crop", 521}});
  const Cost cost = cost_of(graph, {1, 3, 521, 521});
  double front_end = 0, context = 0;
  int64_t context_parameters = 0;
  for (const LayerCost& layer : cost.layers) {
    const bool in_context = layer.name.starts_with("context.");
    (in_context ? context : front_end) += static_cast<double>(layer.multiply_adds);
    if (in_context) context_parameters += layer.parameters;
  }
  EXPECT_NEAR(front_end, 791.6e9, 0.8e9);
  EXPECT_GT(context, 29.6e9) << "what padding the first layer alone costs";
  EXPECT_EQ(context_parameters, 6803139);
}

TEST(Dilation, ContextMultiplyAdds) {
  for (const bool large : {false, true}) {
    Graph graph;
    const ContextOptions options{.multipliers = large ? large_context() : std::vector<int64_t>{}};
    graph.output("y", context_module(Scope(graph), graph.input("x", {1, 21, 66, 66}), options));
    const double expected = large ? 29.6e9 : 0.123e9;
    const auto found = static_cast<double>(cost_of(graph, {1, 21, 66, 66}).multiply_adds);
    EXPECT_NEAR(found, expected, 0.005 * expected);  // SPEC gives three digits
  }
}

// SPEC 16: the context module starts as the identity on maps that are not negative.
TEST(Dilation, ContextStartsAsTheIdentity) {
  for (const bool large : {false, true}) {
    Graph graph;
    ContextOptions options{.multipliers = large ? large_context() : std::vector<int64_t>{}, .padded = !large};
    graph.output("y", context_module(Scope(graph), graph.input("x", {1, 3, -1, -1}), options));
    Tensor x = Tensor::zeros(DataType::f32, {1, 3, 9, 11});
    Random random(3);
    for (float& value : x.data<float>())
      value = static_cast<float>(random.uniform(0, 2));
    const reference::Array y = reference::run(graph, initial_weights(graph, 1), {x}).at(0);
    EXPECT_LE(reference::relative_difference(x, y), large ? 1e-6 : 0);
  }
}

TEST(Dilation, ContextModulesCountWhatTheTableSays) {
  const auto context = [](const std::string& name, int64_t classes) {
    int64_t count = 0;
    const Model model = build_net(name, {.classes = classes});
    for (const Parameter& parameter : model.graph.parameters())
      if (parameter.name.starts_with("context.")) count += element_count(parameter.shape);
    return count;
  };
  EXPECT_EQ(context("dilation8-vgg16-basic", 21), 28392);
  EXPECT_EQ(context("dilation8-vgg16-basic", 19), 23256);
  EXPECT_EQ(context("dilation10-vgg16", 19), 29792);
}

}  // namespace
}  // namespace vitrail
