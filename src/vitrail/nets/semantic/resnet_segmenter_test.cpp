#include "vitrail/nets/semantic/resnet_segmenter.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

int64_t learnable(const Graph& graph, const std::string& prefix = "") {
  int64_t count = 0;
  for (const Parameter& parameter : graph.parameters())
    if (parameter.role == Role::learnable && parameter.name.starts_with(prefix))
      count += element_count(parameter.shape);
  return count;
}

// Multiply-adds of convolutions, as SPEC counts them: without the Encoding layer's own.
double multiply_adds(const Graph& graph, const Shape& input) {
  int64_t sum = 0;
  for (const LayerCost& layer : cost_of(graph, input).layers)
    if (layer.type == "Conv" || layer.type == "ConvTranspose") sum += layer.multiply_adds;
  return static_cast<double>(sum);
}

// SPEC 7.3: parameters with the SE layer and without the auxiliary head, multiply-adds at 512x512, 59
// classes.
TEST(FastFcn, CountsOfTheTable) {
  struct Row {
    const char* name;
    int64_t parameters;
    double multiply_adds;
  };
  for (const Row& row : std::vector<Row>{{"encnet-resnet50-os8", 33672854, 146.6e9},
                                         {"fastfcn-enc-resnet50", 45019798, 63.9e9},
                                         {"encnet-resnet101-os8", 52664982, 224.2e9},
                                         {"fastfcn-enc-resnet101", 64011926, 83.3e9},
                                         {"aspp-resnet50-os8", 39772411, 170.7e9},
                                         {"aspp-resnet101-os8", 58764539, 248.3e9},
                                         {"fastfcn-aspp-resnet50", 59507963, 122.4e9},
                                         {"fastfcn-aspp-resnet101", 78500091, 141.8e9},
                                         {"psp-resnet50-os8", 46735867, 184.2e9},
                                         {"psp-resnet101-os8", 65727995, 261.8e9},
                                         {"fastfcn-psp-resnet50", 66471419, 135.9e9},
                                         {"fastfcn-psp-resnet101", 85463547, 155.3e9},
                                         {"fcn-resnet50-os8", 33100283, 145.5e9},
                                         {"fcn-resnet101-os8", 52092411, 223.1e9},
                                         {"fastfcn-fcn-resnet50", 52835835, 97.2e9},
                                         {"fastfcn-fcn-resnet101", 71827963, 116.6e9},
                                         {"encnet-resnet50-bilinear", 33672854, 68.3e9}}) {
    SCOPED_TRACE(row.name);
    const Graph graph = build_net(row.name, {.classes = 59}).graph;
    const int64_t auxiliary = learnable(graph, "aux.");
    EXPECT_EQ(auxiliary, 2374971);
    EXPECT_EQ(learnable(graph) - auxiliary, row.parameters);
    EXPECT_NEAR(multiply_adds(graph, {1, 3, 512, 512}), row.multiply_adds, 0.001 * row.multiply_adds);
  }
}

// param_counts.py's independent count of heads, the JPU and PyTorch-Encoding's `lateral`.
TEST(FastFcn, CountsOfItsParts) {
  const Graph fast = build_net("fastfcn-enc-resnet50", {.classes = 59}).graph;
  EXPECT_EQ(learnable(fast, "jpu."), 19735552);
  EXPECT_EQ(learnable(fast, "head."), 1652438);
  EXPECT_EQ(learnable(build_net("encnet-resnet50-os8", {.classes = 59}).graph, "head."), 10041046);
  const NetOptions lateral{.classes = 59, .set = {{"lateral", "1"}}};
  EXPECT_EQ(learnable(build_net("encnet-resnet50-os8", lateral).graph, "head."), 17908438);
  EXPECT_EQ(learnable(build_net("psp-resnet50-os8", {.classes = 59}).graph, "head."), 23104059);
  EXPECT_EQ(learnable(build_net("aspp-resnet50-os8", {.classes = 59}).graph, "head."), 16140603);
  EXPECT_EQ(learnable(build_net("fcn-resnet50-os8", {.classes = 59}).graph, "head."), 9468475);
  EXPECT_THROW(build_net("fastfcn-enc-resnet50", lateral), Error) << "its maps are not of one size";
}

TEST(FastFcn, JpuMapHasStrideEightAndAuxiliaryOutputsTheImagesSize) {
  const Model model = build_net("fastfcn-enc-resnet50", {.classes = 59});
  const ShapeTable shapes = infer_shapes(model.graph, {1, 3, 512, 512});
  const auto& outputs = model.graph.outputs();
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(shapes[outputs[0].value], (Shape{1, 59, 512, 512}));
  EXPECT_EQ(outputs[1].name, "aux");
  EXPECT_EQ(shapes[outputs[1].value], (Shape{1, 59, 512, 512}));
  EXPECT_EQ(outputs[2].name, "se");
  EXPECT_EQ(shapes[outputs[2].value], (Shape{1, 59}));
  EXPECT_TRUE(outputs[1].training_only && outputs[2].training_only && !outputs[0].training_only);
  for (const Node& node : model.graph.nodes())
    if (node.name == "jpu.concat") {
      EXPECT_EQ(shapes[node.outputs[0]], (Shape{1, 2048, 64, 64}));
    }
}

// SPEC 5.1: the ablations of PSPNet's Table 1 and the totals of its models.
TEST(PspNet, CountsOfTheTables) {
  const auto head = [](std::map<std::string, std::string> set) {
    return learnable(build_net("pspnet-resnet50-os8", {.classes = 150, .set = std::move(set)}).graph,
                     "head.");
  };
  EXPECT_EQ(head({{"bins", "1"}, {"reduce", "0"}}), 18952342);
  EXPECT_EQ(head({{"reduce", "0"}}), 47263894);
  EXPECT_EQ(head({}), 23150742);
  EXPECT_EQ(head({{"pool", "maximum"}}), 23150742);
  EXPECT_EQ(learnable(build_net("pspnet-resnet50-os8", {.classes = 150}).graph, "aux."), 2398358);
  const std::vector<std::tuple<const char*, int64_t, int64_t, double>> totals{
      {"pspnet-resnet50-os8", 150, 473, 161.9e9},
      {"pspnet-resnet101-os8", 21, 473, 229.8e9},
      {"pspnet-resnet101-os8", 19, 713, 517.2e9}};
  for (const auto& [name, classes, side, expected] : totals) {
    const Graph graph = build_net(name, {.classes = classes}).graph;
    EXPECT_NEAR(multiply_adds(graph, {1, 3, side, side}), expected, 0.001 * expected) << name << side;
  }
}

// The deepest one block by block: a count of its own, from the layers' shapes.
TEST(PspNet, DeepEncodersHaveTheirBlocks) {
  struct Row {
    const char* name;
    std::array<int64_t, 4> blocks;
    double multiply_adds;  // at 473x473, 150 classes: arithmetic on the same table, layer by layer
  };
  for (const Row& row : {Row{"pspnet-resnet152-os8", {3, 8, 36, 3}, 286.21e9},
                         Row{"pspnet-resnet269-os8", {3, 30, 48, 8}, 436.61e9}}) {
    SCOPED_TRACE(row.name);
    int64_t expected = 9 * (3 * 64 + 64 * 64 + 64 * 128) + 2 * (64 + 64 + 128);  // the stem
    int64_t in = 128;
    for (size_t stage = 0; stage < 4; ++stage) {
      const int64_t middle = int64_t{64} << stage, out = 4 * middle;
      const int64_t inner = 9 * middle * middle + middle * out + 2 * (2 * middle + out);
      expected += in * middle + inner + in * out + 2 * out;  // with its projection
      expected += (row.blocks[stage] - 1) * (out * middle + inner);
      in = out;
    }
    const Graph graph = build_net(row.name, {.classes = 150}).graph;
    EXPECT_EQ(learnable(graph, "backbone."), expected);
    EXPECT_EQ(learnable(graph, "head."), 23150742);
    EXPECT_NEAR(multiply_adds(graph, {1, 3, 473, 473}), row.multiply_adds, 0.001 * row.multiply_adds);
    for (const Node& node : graph.nodes())
      if (const auto* conv = std::get_if<op::Conv>(&node.op); conv && conv->dilations[0] > 1) {
        EXPECT_EQ(conv->dilations[0], node.name.starts_with("backbone.layer3.") ? 2 : 4) << node.name;
      }
  }
}

// SPEC 14: 473 -> 237 -> 119 -> 119, 60, 60, 60.
TEST(PspNet, SizesOfTheWalkThrough) {
  const Graph graph = build_net("pspnet-resnet50-os8", {.classes = 150}).graph;
  const ShapeTable shapes = infer_shapes(graph, {1, 3, 473, 473});
  std::map<std::string, int64_t> expected{{"backbone.conv1.0", 237},
                                          {"backbone.maxpool", 119},
                                          {"backbone.layer1.2.add", 119},
                                          {"backbone.layer2.3.add", 60},
                                          {"backbone.layer4.2.add", 60},
                                          {"head.conv5.5", 60},
                                          {"upsample", 473}};
  for (const Node& node : graph.nodes())
    if (const auto found = expected.find(node.name); found != expected.end()) {
      EXPECT_EQ(shapes[node.outputs[0]][2], found->second) << node.name;
      expected.erase(found);
    }
  EXPECT_TRUE(expected.empty()) << expected.begin()->first;
}

// SPEC 6: at 513x513, 21 classes.
TEST(DeepLab, MultiplyAdds) {
  for (const auto& [name, expected] :
       std::vector<std::pair<std::string, double>>{{"deeplabv3-resnet50-os16", 50.4e9},
                                                   {"deeplabv3-resnet50-os8", 166.2e9},
                                                   {"deeplabv3-resnet101-os16", 71.1e9},
                                                   {"deeplabv3-resnet101-os8", 246.2e9},
                                                   {"deeplabv2-resnet101", 188.9e9}}) {
    const Graph graph = build_net(name, {.classes = 21}).graph;
    EXPECT_NEAR(multiply_adds(graph, {1, 3, 513, 513}), expected, 0.001 * expected) << name;
  }
}

TEST(DeepLab, RatesFollowTheOutputStride) {
  const auto rates = [](const std::string& name) {
    std::vector<int64_t> result;
    const Model model = build_net(name, {});
    for (const Node& node : model.graph.nodes())
      if (const auto* conv = std::get_if<op::Conv>(&node.op);
          conv && node.name.starts_with("head.0.convs.") && conv->pads[0] > 0)
        result.push_back(conv->dilations[0]);
    return result;
  };
  EXPECT_EQ(rates("deeplabv3-resnet50-os16"), (std::vector<int64_t>{6, 12, 18}));
  EXPECT_EQ(rates("deeplabv3-resnet50-os8"), (std::vector<int64_t>{12, 24, 36}));
}

std::vector<std::string> parameter_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Parameter& parameter : graph.parameters())
    names.push_back(parameter.name);
  return names;
}

// The map that a network brings up to the image.
Shape map_before_upsampling(const Graph& graph, const Shape& input) {
  const ShapeTable shapes = infer_shapes(graph, input);
  for (const Node& node : graph.nodes())
    if (node.name == "upsample") return shapes[node.inputs[0]];
  return {};
}

TEST(DeepLab, MultiScaleIsOneNetworkOnSmallerCopies) {
  const Graph plain = build_net("deeplabv2-resnet101", {.classes = 21}).graph;
  const Graph msc = build_net("deeplabv2-resnet101-msc", {.classes = 21}).graph;
  EXPECT_EQ(parameter_names(msc), parameter_names(plain)) << "the copies read the same weights";
  const std::vector<std::pair<std::string, int64_t>> scales{
      {"scale1", 321}, {"scale0.75", 240}, {"scale0.5", 160}};
  const ShapeTable shapes = infer_shapes(msc, {2, 3, 321, 321});
  ASSERT_EQ(msc.outputs().size(), 4u);
  EXPECT_EQ(shapes[msc.outputs()[0].value], (Shape{2, 21, 321, 321}));
  double sum = 0;
  for (size_t i = 0; i < scales.size(); ++i) {
    const auto& [name, side] = scales[i];
    const Output& output = msc.outputs()[i + 1];
    EXPECT_EQ(output.name, name);
    EXPECT_TRUE(output.training_only);
    EXPECT_EQ(shapes[output.value], map_before_upsampling(plain, {2, 3, side, side})) << name;
    sum += multiply_adds(plain, {2, 3, side, side});
  }
  EXPECT_EQ(multiply_adds(msc, {2, 3, 321, 321}), sum);
  // Other scales, or none.
  const NetOptions one{.classes = 21, .set = {{"scales", ""}}},
      small{.classes = 21, .set = {{"scales", "0.25"}}};
  EXPECT_EQ(build_net("deeplabv2-resnet101-msc", one).graph.nodes().size(), plain.nodes().size());
  EXPECT_EQ(build_net("deeplabv2-resnet101", small).graph.outputs().back().name, "scale0.25");
}

// PERFORMANCE.md's M2, M3 and M3J: 43, 354 GFLOP at 512x512, 59 classes (M3 on the plain stem).
TEST(ResNetSegmenter, MeasuredNetworksHaveTheirFlops) {
  const Shape input{1, 3, 512, 512};
  const NetOptions plain{.classes = 59, .set = {{"deep_stem", "0"}}};
  EXPECT_NEAR(2 * multiply_adds(build_net("fcn8s-resnet50", {.classes = 59}).graph, input), 43e9, 0.5e9);
  EXPECT_NEAR(2 * multiply_adds(build_net("pspnet-resnet50-os8", plain).graph, input), 354e9, 0.5e9);
  EXPECT_LT(multiply_adds(build_net("fastfcn-psp-resnet50", plain).graph, input),
            0.73 * multiply_adds(build_net("pspnet-resnet50-os8", plain).graph, input));
}

TEST(ResNetSegmenter, RefusesImpossibleOptions) {
  const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> wrong{
      {"pspnet-resnet18-os8", {"bins", "0"}},       {"pspnet-resnet18-os8", {"bins", ""}},
      {"pspnet-resnet18-os8", {"bins", "1,x"}},     {"pspnet-resnet18-os8", {"pool", "median"}},
      {"pspnet-resnet18-os8", {"reduce", "2"}},     {"pspnet-resnet18-os8", {"dilation", "half"}},
      {"pspnet-resnet18-os8", {"multi_grid", "1"}}, {"pspnet-resnet18-os8", {"multi_grid", "-1,1,1"}},
      {"deeplabv3-resnet18-os8", {"rates", "0"}},   {"encnet-resnet18-os8", {"codewords", "0"}},
      {"deeplabv2-resnet101", {"scales", "1"}},     {"deeplabv2-resnet101", {"scales", "0.5,0.5"}},
      {"deeplabv2-resnet101", {"scales", "0"}},     {"pspnet-resnet18-os8", {"scales", "0.5"}},
      {"pspnet-resnet18-os8", {"codewords", "8"}},  {"pspnet-resnet18-os8", {"width", "1e9"}}};
  for (const auto& [name, setting] : wrong)
    EXPECT_THROW(build_net(name, {.set = {setting}}), Error) << setting.first << "=" << setting.second;
}

}  // namespace
}  // namespace vitrail
