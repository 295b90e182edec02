#include "vitrail/nets/encoders/resnet.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

struct Built {
  Graph graph;
  ResNetMaps maps;
};

Built built(const ResNetOptions& options) {
  Built result;
  const Value image = result.graph.input("image", {-1, 3, -1, -1});
  result.maps = resnet(Scope(result.graph), image, options);
  result.graph.output("top", result.maps.features().top);
  return result;
}

// Dilation of the 3x3 convolutions of stage `number`, block by block (of a basic block, both).
std::vector<int64_t> dilations(const Graph& graph, int64_t number) {
  std::vector<int64_t> result;
  for (const Node& node : graph.nodes())
    if (const auto* conv = std::get_if<op::Conv>(&node.op);
        conv && node.name.starts_with(cat("layer", number, ".")) && graph.shape(node.inputs[1])[2] == 3)
      result.push_back(conv->dilations[0]);
  return result;
}

using List = std::vector<int64_t>;

TEST(ResNet, MapsHaveTheSizesOfTheTable) {
  const Built net = built({.depth = 50, .deep_stem = true});
  const ShapeTable shapes = infer_shapes(net.graph, {1, 3, 512, 512});
  EXPECT_EQ(shapes[net.maps.stem], (Shape{1, 128, 256, 256}));
  for (int64_t stage = 1; stage <= 4; ++stage)
    EXPECT_EQ(shapes[net.maps.stage(stage)],
              (Shape{1, 256 << (stage - 1), 128 >> (stage - 1), 128 >> (stage - 1)}));
  const Features features = net.maps.features();
  ASSERT_EQ(features.skips.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(features.skips[i].value, net.maps.stage(3 - static_cast<int64_t>(i)));
    EXPECT_EQ(features.skips[i].stride, 16 >> i);
  }
}

TEST(ResNet, ExposesEveryBlock) {
  const Built net = built({.depth = 101});
  ASSERT_EQ(net.maps.stages.size(), 4u);
  EXPECT_EQ(net.maps.stages[2].size(), 23u);
  EXPECT_EQ(net.maps.stages[1][0].stride, 2);
  EXPECT_EQ(net.maps.stages[1][0].input, net.maps.stage(1));
  EXPECT_EQ(net.maps.stages[1][1].input, net.maps.stages[1][0].output);
  EXPECT_EQ(net.maps.stages[3][2].output_stride, 32);
}

// SPEC 1.3, "Deep-stem backbone MACs at 512".
TEST(ResNet, MultiplyAddsByOutputStride) {
  const std::vector<std::tuple<int64_t, int64_t, double>> expected{{50, 32, 28.43e9},  {50, 16, 39.51e9},
                                                                   {50, 8, 106.75e9},  {101, 32, 47.83e9},
                                                                   {101, 16, 58.90e9}, {101, 8, 184.33e9}};
  for (const auto& [depth, stride, multiply_adds] : expected)
    for (const ResNetDilation rule : {ResNetDilation::half_first, ResNetDilation::full}) {
      const Built net = built({.depth = depth, .deep_stem = true, .output_stride = stride, .dilation = rule});
      const Cost cost = cost_of(net.graph, {1, 3, 512, 512});
      EXPECT_NEAR(static_cast<double>(cost.multiply_adds), multiply_adds, 0.001 * multiply_adds);
      EXPECT_EQ(cost.parameters_learnable, depth == 50 ? 23631808 : 42623936);
    }
}

TEST(ResNet, DilatesByTheThreeConventions) {
  const auto half = ResNetDilation::half_first, full = ResNetDilation::full;
  EXPECT_EQ(dilations(built({.output_stride = 16, .dilation = half}).graph, 4), (List{1, 2, 2}));
  EXPECT_EQ(dilations(built({.output_stride = 8, .dilation = half}).graph, 3), (List{1, 2, 2, 2, 2, 2}));
  EXPECT_EQ(dilations(built({.output_stride = 8, .dilation = half}).graph, 4), (List{2, 4, 4}));
  EXPECT_EQ(dilations(built({.output_stride = 16, .dilation = full}).graph, 4), (List{2, 2, 2}));
  EXPECT_EQ(dilations(built({.output_stride = 8, .dilation = full}).graph, 3), List(6, 2));
  EXPECT_EQ(dilations(built({.output_stride = 8, .dilation = full}).graph, 4), List(3, 4));
  // TensorFlow-slim: the strided block is the last of its stage and keeps the old rate, those after it
  // double.
  const ResNetOptions slim{.output_stride = 8, .stride_at = ResNetStride::last_block};
  EXPECT_EQ(dilations(built(slim).graph, 2), (List{1, 1, 1, 1}));
  EXPECT_EQ(dilations(built(slim).graph, 3), List(6, 2));
  EXPECT_EQ(dilations(built(slim).graph, 4), (List{4, 4, 4}));
  // A basic block has two: the second takes the new rate at once (PyTorch-Encoding).
  EXPECT_EQ(dilations(built({.depth = 18, .output_stride = 8}).graph, 4), (List{2, 4, 4, 4}));
}

TEST(ResNet, MultiGridMultipliesTheRatesOfTheFourthStage) {
  EXPECT_EQ(dilations(built({.output_stride = 16, .multi_grid = {1, 2, 4}}).graph, 4), (List{2, 4, 8}));
  EXPECT_EQ(dilations(built({.output_stride = 8, .multi_grid = {1, 2, 4}}).graph, 4), (List{4, 8, 16}));
  EXPECT_EQ(dilations(built({.output_stride = 8, .multi_grid = {1, 2, 4}}).graph, 3),
            (List{1, 2, 2, 2, 2, 2}));
}

TEST(ResNet, CascadeGoesDownToStride256) {
  const ResNetOptions cascade{.output_stride = 256, .extra_stages = 3};
  const Built native = built(cascade);
  EXPECT_EQ(infer_shapes(native.graph, {1, 3, 512, 512})[native.maps.stage(7)], (Shape{1, 2048, 2, 2}));
  EXPECT_EQ(cost_of(native.graph, {1, 3, 256, 256}).parameters_learnable, 63671360);
  const Built dilated = built({.output_stride = 16, .dilation = ResNetDilation::full, .extra_stages = 3});
  for (int64_t stage = 3; stage <= 7; ++stage)  // 1, 2, 4, 8, 16
    EXPECT_EQ(dilations(dilated.graph, stage).back(), int64_t{1} << (stage - 3));
}

TEST(ResNet, StrideMovesWithItsPlacement) {
  for (const ResNetStride where :
       {ResNetStride::conv3x3, ResNetStride::first_conv1x1, ResNetStride::last_block}) {
    const Built net = built({.stride_at = where});
    EXPECT_EQ(infer_shapes(net.graph, {1, 3, 224, 224})[net.maps.stage(4)], (Shape{1, 2048, 7, 7}));
  }
  const Built slim = built({.stride_at = ResNetStride::last_block});
  EXPECT_EQ(infer_shapes(slim.graph, {1, 3, 224, 224})[slim.maps.stage(1)], (Shape{1, 256, 28, 28}));
  EXPECT_EQ(slim.maps.features().skips.front().stride, 16);
}

TEST(ResNet, RefusesImpossibleOptions) {
  EXPECT_THROW(built({.depth = 20}), Error);
  EXPECT_THROW(built({.width = 0}), Error);
  EXPECT_THROW(built({.output_stride = 4}), Error);
  EXPECT_THROW(built({.output_stride = 64}), Error);
  EXPECT_THROW(built({.extra_stages = 4}), Error);
}

}  // namespace
}  // namespace vitrail
