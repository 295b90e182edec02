#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/encoders/output_stride.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/registry.h"
#include "vitrail/nets/registry_testing.h"
#include "vitrail/weights/first_layer.h"

namespace vitrail {

namespace {

class EveryNet : public testing::TestWithParam<NetEntry> {};

TEST_P(EveryNet, HasTheDeclaredParameterCounts) {
  ASSERT_FALSE(GetParam().declared.empty()) << "a network declares its counts";
  for (const DeclaredCount& declared : GetParam().declared) {
    const Model model = build_net(GetParam().name, {.classes = declared.classes});
    const Cost cost = cost_of(model.graph, {1, image_channels(model.graph), 256, 512});
    EXPECT_EQ(cost.parameters_learnable, declared.learnable);
    EXPECT_EQ(cost.parameters_with_running_statistics, declared.with_running_statistics);
  }
}

TEST_P(EveryNet, KeepsTheImageSizeForAnySize) {
  const int64_t least = GetParam().smallest_side;
  for (const Model& model : {build_net(GetParam().name, {.classes = 5}), build_quick(GetParam(), 5)})
    for (const int64_t height : {33, 64, 97, 360, 511})
      for (const int64_t width : {47, 64, 130, 481}) {
        const Shape input{2, image_channels(model.graph), std::max(height, least), std::max(width, least)};
        const ShapeTable shapes = infer_shapes(model.graph, input);
        EXPECT_EQ(shapes[model.graph.outputs()[0].value], (Shape{2, 5, input[2], input[3]}));
      }
}

// What the tests that run every net rely on: they stay quick.
TEST_P(EveryNet, RunsInABlinkWhereTestsRunIt) {
  const int64_t side = std::max<int64_t>(129, GetParam().smallest_side);
  const Model model = build_quick(GetParam(), 5);
  const Cost cost = cost_of(model.graph, {1, image_channels(model.graph), side, side});
  EXPECT_LT(cost.parameters_learnable, 6'000'000);
  EXPECT_LT(cost.multiply_adds, 4'000'000'000);
}

TEST_P(EveryNet, SaysWhatItsInputMustBe) {
  const Model model = build_net(GetParam().name, {});
  ASSERT_EQ(model.graph.inputs().size(), 1u);
  EXPECT_EQ(std::ssize(model.info.preprocessing.mean), image_channels(model.graph));
  EXPECT_EQ(model.info.architecture, GetParam().name);
}

// Of another number of channels only the first layers differ.
TEST_P(EveryNet, ReadsAsManyChannelsAsAreAskedFor) {
  auto set = GetParam().quick;
  const Model usual = build_quick(GetParam(), 5);
  const int64_t published = image_channels(usual.graph);
  set["in_channels"] = std::to_string(published + 2);
  const Model wide = build_net(GetParam().name, {.classes = 5, .set = set});
  EXPECT_EQ(image_channels(wide.graph), published + 2);
  EXPECT_EQ(std::ssize(wide.info.preprocessing.mean), published + 2);
  EXPECT_EQ(wide.info.preprocessing.mean.size(), wide.info.preprocessing.std.size());
  EXPECT_EQ(wide.info.preprocessing.order, usual.info.preprocessing.order);
  EXPECT_EQ(wide.info.notes.at("set.in_channels"), set["in_channels"])
      << "a file of weights can build it again";
  const std::set<std::string> first = image_weights(wide.graph);
  EXPECT_FALSE(first.empty());
  size_t wider = 0;
  ASSERT_EQ(wide.graph.parameters().size(), usual.graph.parameters().size());
  for (const Parameter& parameter : wide.graph.parameters()) {
    const Shape& was = usual.graph.shape(usual.graph.value_of_parameter(parameter.name));
    wider += parameter.shape != was;
    if (parameter.shape != was) {
      EXPECT_TRUE(first.contains(parameter.name)) << parameter.name;
    }
  }
  EXPECT_GE(wider, 1u);
  const int64_t side = std::max<int64_t>(64, GetParam().smallest_side);
  const ShapeTable shapes = infer_shapes(wide.graph, {1, published + 2, side, side});
  EXPECT_EQ(shapes[wide.graph.outputs()[0].value], (Shape{1, 5, side, side}));
}

TEST_P(EveryNet, RefusesAnUnknownOption) {
  EXPECT_THROW(build_net(GetParam().name, {.set = {{"no_such_option", "1"}}}), Error);
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryNet, testing::ValuesIn(nets()), test_name);

TEST(Registry, NamesAreUniqueAndAnUnknownOneGetsTheNearest) {
  std::set<std::string> names;
  for (const NetEntry& entry : nets())
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  try {
    find_net("mobilnet-x0.5-fcn8");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Did you mean 'mobilenet-x0.5-fcn8'?"), std::string::npos)
        << error.what();
  }
}

TEST(InputChannels, StatisticsOfFurtherChannelsAreTheColoursMean) {
  const auto prepared = [](const std::string& net, int64_t channels) {
    return build_net(net, {.classes = 2, .in_channels = channels}).info.preprocessing;
  };
  const Preprocessing four = prepared("fcn_resnet50", 4), grey = prepared("fcn_resnet50", 1);
  EXPECT_EQ(four.mean[0], 123.675);
  EXPECT_NEAR(four.mean[3], (123.675 + 116.28 + 103.53) / 3, 1e-9);
  EXPECT_NEAR(four.std[3], (58.395 + 57.12 + 57.375) / 3, 1e-9);
  EXPECT_EQ(grey.order, ChannelOrder::grey);
  EXPECT_EQ(grey.mean.size(), 1u);
  EXPECT_EQ(prepared("squeezenet1.1-fcn8", 4).order, ChannelOrder::bgr);
  EXPECT_EQ(prepared("squeezenet1.1-fcn8", 2).order, ChannelOrder::rgb);
  EXPECT_EQ(prepared("fcn32s-vgg16-rgb-hha", 0).mean[3], 132.431);
}

TEST(InputChannels, ImpossibleNumbersAreRefused) {
  for (const char* bad : {"0", "-1", "65", "x", "3.5"})
    EXPECT_THROW(build_net("fcn_resnet50", {.set = {{"in_channels", bad}}}), Error) << bad;
  EXPECT_THROW(build_net("fcn32s-vgg16-rgb-hha", {.set = {{"in_channels", "3"}}}), Error);
  EXPECT_THROW(build_net("ssd-mobilenet-multi-shape", {.set = {{"in_channels", "4"}}}), Error)
      << "networks of objects read colours";
}

// Colour and depth are the two single networks, and their scores' mean is what is brought up.
TEST(InputChannels, ColorAndHhaIsTwoFcn32s) {
  const Model both = build_net("fcn32s-vgg16-rgb-hha", {.classes = 40}),
              single = build_net("fcn32s-vgg16", {.classes = 40});
  for (const Parameter& parameter : single.graph.parameters()) {
    if (parameter.name.starts_with("upscore")) continue;
    for (const char* part : {"color.", "hha."}) {
      const Value value = both.graph.value_of_parameter(part + parameter.name);
      ASSERT_TRUE(value.exists()) << part << parameter.name;
      EXPECT_EQ(both.graph.shape(value), parameter.shape);
    }
  }
  EXPECT_EQ(both.graph.parameters().size(), 2 * single.graph.parameters().size() - 1);
}

// SPEC 2.2 measured these at 2048x1024 (encoder and score layers).
TEST(Cost, MultiplyAddsOfTheThesisNetworks) {
  const std::vector<std::pair<std::string, double>> expected{
      {"mobilenet-x0.5-bilinear", 6.25e9}, {"mobilenet-x0.5-os16", 8.77e9}, {"mobilenet-x0.5-os8", 28.01e9}};
  for (const auto& [name, multiply_adds] : expected) {
    const Cost cost = cost_of(build_net(name, {}).graph, {1, 3, 1024, 2048});
    EXPECT_NEAR(static_cast<double>(cost.multiply_adds), multiply_adds, 0.02 * multiply_adds) << name;
  }
}

// SPEC 1.3's table: dilation rates of MobileNetV1's depthwise layers 6 to 13.
TEST(OutputStride, FollowsTheSlimRule) {
  const std::vector<int64_t> strides{2, 1, 2, 1, 2, 1, 2,
                                     1, 1, 1, 1, 1, 2, 1};  // Conv2d_0, then layers 1..13
  auto rates = [&](int64_t wanted) {
    OutputStride walk(wanted);
    std::vector<int64_t> out;
    for (const int64_t stride : strides)
      out.push_back(walk.next(stride).dilation);
    return std::vector<int64_t>(out.begin() + 6, out.end());  // layers 6..13
  };
  EXPECT_EQ(rates(32), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(rates(16), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 2}));
  EXPECT_EQ(rates(8), (std::vector<int64_t>{1, 2, 2, 2, 2, 2, 2, 4}));
}

TEST(MobileNetV1, TapsHaveTheStridesAndChannelsOfTheTable) {
  Graph graph;
  const Value image = graph.input("image", {1, 3, -1, -1});
  const Features f = mobilenet_v1(Scope(graph, "backbone"), image, {});
  ASSERT_EQ(f.skips.size(), 3u);
  const ShapeTable shapes = infer_shapes(graph, {1, 3, 224, 224});
  EXPECT_EQ(shapes[f.top], (Shape{1, 1024, 7, 7}));
  EXPECT_EQ(shapes[f.skips[0].value], (Shape{1, 512, 14, 14}));
  EXPECT_EQ(shapes[f.skips[1].value], (Shape{1, 256, 28, 28}));
  EXPECT_EQ(shapes[f.skips[2].value], (Shape{1, 128, 56, 56}));
}

TEST(MobileNetV1, RefusesImpossibleOptions) {
  for (const std::map<std::string, std::string>& set :
       std::vector<std::map<std::string, std::string>>{{{"output_stride", "7"}},
                                                       {{"depth_multiplier", "0"}},
                                                       {{"depth_multiplier", "x"}},
                                                       {{"last_atrous_rate", "0"}},
                                                       {{"depth_multiplier", "nan"}}})
    EXPECT_THROW(build_net("mobilenet-x0.5-bilinear", {.set = set}), Error)
        << set.begin()->first << "=" << set.begin()->second;
}

TEST(MobileNetV1, AtrousRateWidensTheLastDepthwiseLayerOnly) {
  const Model plain = build_net("mobilenet-x0.5-bilinear", {});
  const Model wide = build_net("mobilenet-x0.5-bilinear", {.set = {{"last_atrous_rate", "5"}}});
  for (size_t i = 0; i < plain.graph.nodes().size(); ++i) {
    const auto* a = std::get_if<op::Conv>(&plain.graph.nodes()[i].op);
    const auto* b = std::get_if<op::Conv>(&wide.graph.nodes()[i].op);
    if (a == nullptr) continue;
    const int64_t expected =
        plain.graph.nodes()[i].name == "backbone.Conv2d_13_depthwise" ? 5 : a->dilations[0];
    EXPECT_EQ(b->dilations[0], expected) << plain.graph.nodes()[i].name;
  }
}

}  // namespace
}  // namespace vitrail
