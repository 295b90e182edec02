#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/part.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/nets/instance/input_shapes.h"
#include "vitrail/nets/registry.h"

namespace vitrail {
namespace {

using Settings = std::map<std::string, std::string>;

const RcnnSystem& system_of(const Model& model) {
  return std::get<RcnnSystem>(model.info.instance);
}

Cost cost_of_net(const std::string& name, int64_t classes, const Settings& set = {}) {
  const Model model = build_net(name, {.classes = classes, .set = set});
  return cost_of(model.graph, instance_input_shapes(model, 320, 320, 1));
}

// Shapes of all outputs for one picture and some boxes, by name.
std::map<std::string, Shape> outputs(const Model& model, int64_t height, int64_t width, int64_t boxes) {
  const ShapeTable shapes = infer_shapes(model.graph, instance_input_shapes(model, height, width, boxes));
  std::map<std::string, Shape> result;
  for (const Output& output : model.graph.outputs())
    result[output.name] = shapes[output.value];
  return result;
}

// Counts beside those that the registry declares: with the factors of batch normalisation, torchvision's for
// COCO's 81 and 91 columns, the comparator's learnable ones.
TEST(MaskRcnn, ParametersWithTrainedBatchNormalisation) {
  const Settings trained{{"batch_norm", "trained"}};
  EXPECT_EQ(cost_of_net("mask-rcnn-r50-fpn", 80, trained).parameters_learnable, 44'343'216 + 53'120);
  EXPECT_EQ(cost_of_net("mask-rcnn-r101-fpn", 80, trained).parameters_learnable, 63'388'464);
  EXPECT_EQ(cost_of_net("maskrcnn-resnet50-fpn", 80, trained).parameters_learnable, 44'400'693);
  EXPECT_EQ(cost_of_net("maskrcnn-resnet50-fpn", 90, trained).parameters_learnable, 44'401'393 + 53'120);
  EXPECT_EQ(cost_of_net("mask-rcnn-r101-atrous", 1).parameters_with_running_statistics, 47'673'551);
}

TEST(MaskRcnn, PyramidHasTheShapesOfThePaper) {
  const Model model = build_net("mask-rcnn-r50-fpn", {.classes = 80});
  const std::map<std::string, Shape> shapes = outputs(model, 800, 1312, 7);
  for (const int64_t stride : {4, 8, 16, 32})
    EXPECT_EQ(shapes.at(cat("features_", stride)), (Shape{1, 256, 800 / stride, 1312 / stride}));
  EXPECT_EQ(shapes.at("objectness_4"), (Shape{1, 200 * 328 * 3}));
  EXPECT_EQ(shapes.at("rpn_codes_64"), (Shape{1, 13 * 21 * 3, 4}));
  EXPECT_EQ(shapes.at("class_logits"), (Shape{7, 81}));
  EXPECT_EQ(shapes.at("box_codes"), (Shape{7, 320}));
  EXPECT_EQ(shapes.at("mask_logits"), (Shape{7, 80, 28, 28}));
}

TEST(MaskRcnn, WithoutAPyramidMasksAreFourteenWide) {
  const Model model = build_net("mask-rcnn-r50-c4", {.classes = 80});
  const std::map<std::string, Shape> shapes = outputs(model, 800, 1328, 3);
  EXPECT_EQ(shapes.at("features_16"), (Shape{1, 1024, 50, 83}));
  EXPECT_EQ(shapes.at("objectness_16"), (Shape{1, 50 * 83 * 15}));
  EXPECT_EQ(shapes.at("box_codes"), (Shape{3, 320}));
  EXPECT_EQ(shapes.at("mask_logits"), (Shape{3, 80, 14, 14}));
}

TEST(MaskRcnn, TheThesisComparatorSeesStrideEight) {
  const Model model = build_net("mask-rcnn-r101-atrous", {.classes = 1});
  const std::map<std::string, Shape> shapes = outputs(model, 640, 640, 2);
  EXPECT_EQ(shapes.at("features_8"), (Shape{1, 1024, 80, 80}));
  EXPECT_EQ(shapes.at("objectness_8"), (Shape{1, 80 * 80 * 12}));
  EXPECT_EQ(shapes.at("class_logits"), (Shape{2, 2}));
  EXPECT_EQ(shapes.at("box_codes"), (Shape{2, 4}));
  EXPECT_EQ(shapes.at("mask_logits"), (Shape{2, 1, 33, 33}));
}

TEST(MaskRcnn, AnchorsAreAsManyAsTheProposalNetworkSays) {
  for (const char* const name : {"mask-rcnn-r50-c4", "mask-rcnn-r50-fpn", "mask-rcnn-r101-atrous",
                                 "maskrcnn-resnet50-fpn", "pvd-rcnn-r50-c4"}) {
    const Model model = build_net(name, {.classes = 2});
    const std::map<std::string, Shape> shapes = outputs(model, 320, 416, 1);
    const std::vector<int64_t> per_cell = anchors_per_cell(system_of(model).anchors);
    const std::vector<int64_t>& strides = system_of(model).proposal_strides;
    ASSERT_EQ(per_cell.size(), strides.size()) << name;
    for (size_t i = 0; i < strides.size(); ++i) {
      const int64_t cells = ((320 + strides[i] - 1) / strides[i]) * ((416 + strides[i] - 1) / strides[i]);
      EXPECT_EQ(shapes.at(cat("objectness_", strides[i])), (Shape{1, cells * per_cell[i]})) << name;
      EXPECT_EQ(shapes.at(cat("rpn_codes_", strides[i])), (Shape{1, cells * per_cell[i], 4})) << name;
    }
  }
}

// The proposal network is one head on five maps, and the fourth stage one that boxes and masks share.
TEST(MaskRcnn, PartsShareParameters) {
  const Model pyramid = build_net("mask-rcnn-r50-fpn", {.classes = 2});
  const Graph finest = part_of(pyramid.graph, {"objectness_4"}),
              coarsest = part_of(pyramid.graph, {"objectness_64"});
  EXPECT_TRUE(finest.value_of_parameter("rpn.head.conv.weight").exists());
  EXPECT_TRUE(coarsest.value_of_parameter("rpn.head.conv.weight").exists());
  const Model single = build_net("mask-rcnn-r50-c4", {.classes = 2});
  for (const char* const output : {"class_logits", "mask_logits"}) {
    const Graph part = part_of(single.graph, {output});
    EXPECT_TRUE(part.value_of_parameter("backbone.layer4.2.conv3.weight").exists()) << output;
    EXPECT_FALSE(part.value_of_parameter("backbone.layer3.0.conv1.weight").exists()) << output;
  }
}

TEST(MaskRcnn, FrozenNormalisationsAreConstants) {
  const Model frozen = build_net("mask-rcnn-r50-fpn", {.classes = 2});
  const Model trained = build_net("mask-rcnn-r50-fpn", {.classes = 2, .set = {{"batch_norm", "trained"}}});
  const auto role = [](const Model& model, const char* name) {
    return model.graph.parameter_of(model.graph.value_of_parameter(name))->role;
  };
  for (const char* const name : {"backbone.body.bn1.weight", "backbone.body.layer4.2.bn3.running_var"})
    EXPECT_EQ(role(frozen, name), Role::constant) << name;
  EXPECT_EQ(role(trained, "backbone.body.bn1.weight"), Role::learnable);
  EXPECT_EQ(role(trained, "backbone.body.bn1.running_mean"), Role::running_statistic);
}

TEST(MaskRcnn, RefusesImpossibleOptions) {
  for (const Settings& set : std::vector<Settings>{{{"batch_norm", "none"}},
                                                   {{"norm_epsilon", "-1"}},
                                                   {{"short_side", "0"}},
                                                   {{"short_side", "900"}, {"long_side", "800"}},
                                                   {{"score_threshold", "2"}},
                                                   {{"boxes", "0"}},
                                                   {{"proposals", "0"}},
                                                   {{"encoder", "caffe"}}})
    EXPECT_THROW(build_net("mask-rcnn-r50-fpn", {.classes = 1, .set = set}), Error) << set.begin()->first;
  EXPECT_THROW(build_net("pvd-rcnn-r50-c4", {.classes = 1, .set = {{"units", "row"}}}), Error);
  EXPECT_THROW(build_net("pvd-rcnn-r50-c4", {.classes = 1, .set = {{"first_stage", "4"}}}), Error);
}

// SPEC 9.4's "down to 1/4": every object has a channel, and its mask a quarter of the picture's size.
TEST(PvdRcnn, MasksAreAQuarterOfThePicture) {
  const Model model = build_net("pvd-rcnn-r50-c4", {.classes = 80});
  const std::map<std::string, Shape> shapes = outputs(model, 480, 640, 9);
  EXPECT_EQ(shapes.at("votes_stage3"), (Shape{1, 9, 30, 40}));
  EXPECT_EQ(shapes.at("evidence_stage2"), (Shape{1, 1, 60, 80}));
  EXPECT_EQ(shapes.at("votes_stage1"), (Shape{1, 9, 120, 160}));
  EXPECT_EQ(shapes.at("seed_logits"), (Shape{9, 81, 7, 7}));
  EXPECT_EQ(shapes.at("mask_logits"), (Shape{1, 9, 120, 160}));
}

TEST(PvdRcnn, UnitsOfBlocksReachTheSameSize) {
  const Model model =
      build_net("pvd-rcnn-r50-c4", {.classes = 5, .set = {{"units", "block"}, {"width", "0.25"}}});
  EXPECT_EQ(system_of(model).voting_units.size(), 13u) << "blocks of stages 1 to 3";
  EXPECT_EQ(outputs(model, 96, 160, 2).at("mask_logits"), (Shape{1, 2, 24, 40}));
  const Model fewer = build_net("pvd-rcnn-r50-c4", {.classes = 5, .set = {{"first_stage", "2"}}});
  EXPECT_EQ(system_of(fewer).voting_units.size(), 2u);
  EXPECT_EQ(outputs(fewer, 96, 160, 2).at("mask_logits"), (Shape{1, 2, 24, 40}));
}

}  // namespace
}  // namespace vitrail
