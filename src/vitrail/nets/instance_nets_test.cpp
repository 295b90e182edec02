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
#include "vitrail/nets/registry_testing.h"

namespace vitrail {

namespace {

// Every unknown size of the inputs: `image` is side x side, of everything else there are `boxes`.
std::map<std::string, Shape> input_shapes(const Graph& graph, int64_t side, int64_t boxes) {
  std::map<std::string, Shape> shapes;
  for (const Input& input : graph.inputs()) {
    Shape shape = graph.shape(input.value);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] < 0) shape[axis] = axis > 1 ? side : input.name == "image" ? 1 : boxes;
    shapes[input.name] = shape;
  }
  return shapes;
}

using Settings = std::map<std::string, std::string>;

int64_t parameters(const std::string& name, int64_t classes, const Settings& set = {}) {
  const Model model = build_net(name, {.classes = classes, .set = set});
  return cost_of(model.graph, input_shapes(model.graph, 320, 1)).parameters_with_running_statistics;
}

class EveryInstanceNet : public testing::TestWithParam<NetEntry> {};

TEST_P(EveryInstanceNet, HasTheDeclaredParameterCounts) {
  ASSERT_FALSE(GetParam().declared.empty()) << "a network declares its counts";
  for (const DeclaredCount& declared : GetParam().declared) {
    const Model model = build_net(GetParam().name, {.classes = declared.classes});
    const Cost cost = cost_of(model.graph, instance_input_shapes(model, 320, 320, 1));
    EXPECT_EQ(cost.parameters_learnable, declared.learnable);
    EXPECT_EQ(cost.parameters_with_running_statistics, declared.with_running_statistics);
  }
}

TEST_P(EveryInstanceNet, DescribesWhatJoinsItsParts) {
  const Model model = build_net(GetParam().name, {.classes = 3});
  EXPECT_EQ(model.info.task, Task::instance);
  EXPECT_EQ(model.info.architecture, GetParam().name);
  EXPECT_EQ(model.info.preprocessing.mean.size(), 3u);
  EXPECT_FALSE(std::holds_alternative<std::monostate>(model.info.instance));
}

TEST_P(EveryInstanceNet, RunsInABlinkWhereTestsRunIt) {
  const Model model = build_quick(GetParam(), 5);
  const int64_t side = std::max<int64_t>(129, GetParam().smallest_side);
  const Cost cost = cost_of(model.graph, instance_input_shapes(model, side, side, 2));
  EXPECT_LT(cost.parameters_learnable, 6'000'000);
  EXPECT_LT(cost.multiply_adds, 4'000'000'000);
}

TEST_P(EveryInstanceNet, RefusesAnUnknownOption) {
  EXPECT_THROW(build_net(GetParam().name, {.set = {{"no_such_option", "1"}}}), Error);
}

// A part for each output alone: its parameters are some of the whole's, and together they are all of them.
TEST_P(EveryInstanceNet, IsMadeOfItsParts) {
  const Model model = build_quick(GetParam(), 4);
  std::set<std::string> seen;
  for (const Output& output : model.graph.outputs()) {
    const Graph part = part_of(model.graph, {output.name});
    EXPECT_FALSE(part.inputs().empty()) << output.name;
    for (const Parameter& parameter : part.parameters())
      seen.insert(parameter.name);
  }
  EXPECT_EQ(seen.size(), model.graph.parameters().size());
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryInstanceNet, testing::ValuesIn(instance_nets()), test_name);

TEST(InstanceRegistry, NamesAreUniqueAmongAllNetworks) {
  std::set<std::string> names;
  for (const auto* table : {&nets(), &instance_nets()})
    for (const NetEntry& entry : *table)
      EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
}

// Totals of the thesis's tables, one class.
TEST(SsdMobileNet, HasTheThesisParameterCounts) {
  const Settings narrow{{"depth_multiplier", "0.75"}}, fcn16{{"decoder", "fcn16"}};
  const std::string name = "ssd-mobilenet-";
  EXPECT_EQ(parameters(name + "single-branch", 1), 5790631);
  EXPECT_EQ(parameters(name + "single-shape", 1), 8862738);
  EXPECT_EQ(parameters(name + "single-shape-plus", 1), 9002580);
  EXPECT_EQ(parameters(name + "multi-shape", 1), 8014288);
  EXPECT_EQ(parameters(name + "single-branch", 1, narrow), 3358647);
  EXPECT_EQ(parameters(name + "single-branch", 1, fcn16), 5765991);
  EXPECT_EQ(parameters(name + "multi-shape", 1, narrow), 5211360);
  EXPECT_EQ(parameters(name + "multi-shape", 1, fcn16), 7767888);
  EXPECT_EQ(parameters(name + "multi-shape", 1, {{"shapes", "new"}}), 7273069);
  EXPECT_EQ(parameters(name + "multi-shape", 1, {{"shapes", "small"}}), 7520142);
}

TEST(SsdMobileNet, CostsWhatTheLayersCost) {
  const Graph trunk = build_net("ssd-mobilenet", {.classes = 1}).graph;
  EXPECT_EQ(cost_of(trunk, {1, 3, 640, 640}).multiply_adds, 4'906'749'952);
  const Model whole = build_net("ssd-mobilenet-multi-shape", {.classes = 1});
  const Graph part = part_of(whole.graph, {"box_codes", "class_logits"});
  EXPECT_EQ(cost_of(part, {1, 3, 640, 640}).multiply_adds, 4'906'749'952);
  const Graph branch = part_of(whole.graph, {"isb_9x4.masks"});
  EXPECT_EQ(cost_of(branch, input_shapes(branch, 0, 1)).multiply_adds, 468'480 * 9 * 4);
}

TEST(SsdMobileNet, HasOneRowForEachAnchor) {
  for (const auto& [side, anchors] : {std::pair<int64_t, int64_t>{300, 1917}, {320, 2034}, {640, 8028}}) {
    const Model model = build_net("ssd-mobilenet", {.classes = 7});
    const ShapeTable shapes = infer_shapes(model.graph, {2, 3, side, side});
    ASSERT_EQ(model.graph.outputs().size(), 2u);
    EXPECT_EQ(shapes[model.graph.outputs()[0].value], (Shape{2, anchors, 4}));
    EXPECT_EQ(shapes[model.graph.outputs()[1].value], (Shape{2, anchors, 8}));
  }
}

TEST(SsdMobileNet, BranchesSeeCropsAndSayMasks) {
  const Model model = build_net("ssd-mobilenet-multi-shape", {.classes = 3});
  const SsdSystem& system = std::get<SsdSystem>(model.info.instance);
  ASSERT_EQ(system.branches.size(), 10u);
  EXPECT_EQ(system.crop_strides, (std::vector<int64_t>{32, 16, 8}));
  const ShapeTable shapes = infer_shapes(model.graph, input_shapes(model.graph, 640, 5));
  for (const Output& output : model.graph.outputs()) {
    if (output.name == "features_32") {
      EXPECT_EQ(shapes[output.value], (Shape{1, 1024, 20, 20}));
    } else if (output.name == "features_16") {
      EXPECT_EQ(shapes[output.value], (Shape{1, 512, 40, 40}));
    } else if (output.name == "features_8") {
      EXPECT_EQ(shapes[output.value], (Shape{1, 256, 80, 80}));
    } else if (output.name == "isb_9x4.masks") {
      EXPECT_EQ(shapes[output.value], (Shape{5, 1, 36, 16}));
    }
  }
  const Graph branch = part_of(model.graph, {"isb_9x4.masks"});
  ASSERT_EQ(branch.inputs().size(), 3u);
  EXPECT_EQ(branch.inputs()[0].name, "isb_9x4.crop_32");
  EXPECT_EQ(branch.shape(branch.inputs()[1].value), (Shape{-1, 512, 18, 8}));
}

// What each kind of branches does with boxes of other shapes.
TEST(SsdMobileNet, VariantsChooseAsTheThesisSays) {
  const auto system = [](const std::string& name, const Settings& set = {}) {
    return std::get<SsdSystem>(build_net("ssd-mobilenet-" + name, {.classes = 1, .set = set}).info.instance);
  };
  const SsdSystem one = system("single-branch"), exact = system("single-shape"),
                  plus = system("single-shape-plus"), multi = system("multi-shape");
  EXPECT_EQ(one.choice, SsdSystem::Choice::single);
  EXPECT_EQ(one.branches.at(0).most_boxes, 100);
  EXPECT_TRUE(one.branches.at(0).resizes);
  EXPECT_EQ(exact.choice, SsdSystem::Choice::exact);
  EXPECT_EQ(exact.branches.size(), 12u);
  for (const BranchSystem& branch : exact.branches)
    EXPECT_FALSE(branch.resizes) << branch.name;
  ASSERT_EQ(plus.branches.size(), 14u);
  EXPECT_EQ(plus.branches.back().name, "isb_14x14");
  EXPECT_TRUE(plus.branches.back().resizes);
  EXPECT_FALSE(plus.branches[12].resizes);
  EXPECT_EQ(multi.choice, SsdSystem::Choice::largest_not_exceeding);
  EXPECT_EQ(multi.branches.back().name, "isb_1x1");
  EXPECT_EQ(multi.branches.back().most_boxes, 30);
  EXPECT_EQ(system("multi-shape", {{"decoder", "fcn16"}}).crop_strides, (std::vector<int64_t>{32, 16}));
}

TEST(SsdMobileNet, OptionsChangeWhatTheyName) {
  const std::string name = "ssd-mobilenet-multi-shape";
  const int64_t plain = parameters(name, 3);
  EXPECT_EQ(parameters(name, 3, {{"class_masks", "1"}}), plain + 10 * 2 * 33);
  EXPECT_EQ(parameters(name, 3, {{"conditioned", "1"}}), plain + 10 * (9 * 128 + 32));
  EXPECT_EQ(parameters(name, 3, {{"branch_rate", "2"}}), plain);
  EXPECT_EQ(parameters(name, 3, {{"branch_depth", "2"}}), plain + 10 * (9 * 128 + 128 * 128 + 128));
  EXPECT_EQ(parameters(name, 3, {{"branch_kernel", "5,3,3,3,3,3,3,3,3,3"}}), plain + 16 * 1024);
  EXPECT_EQ(parameters(name, 1, {{"shapes", "9x4,1x1"}}), 5543558 + 2 * 247073);
  const Model conditioned = build_net(name, {.classes = 1, .set = {{"conditioned", "1"}}});
  const Graph branch = part_of(conditioned.graph, {"isb_9x4.masks"});
  EXPECT_EQ(branch.inputs().back().name, "isb_9x4.crop_box");
  EXPECT_EQ(branch.shape(branch.inputs().back().value), (Shape{-1, 1, 36, 16}));
}

TEST(SsdMobileNet, RefusesImpossibleOptions) {
  for (const Settings& set : std::vector<Settings>{{{"shapes", "9x4,9x4"}},
                                                   {{"shapes", "0x4"}},
                                                   {{"shapes", "9"}},
                                                   {{"shapes", "9x"}},
                                                   {{"shapes", ""}},
                                                   {{"shapes", "999999999999999999999x1"}},
                                                   {{"branch_rate", "0"}},
                                                   {{"branch_kernel", "3,3"}},
                                                   {{"branch_depth", "-1"}},
                                                   {{"branch_boxes", "0"}},
                                                   {{"size", "0"}},
                                                   {{"score_threshold", "2"}},
                                                   {{"depth_multiplier", "0"}},
                                                   {{"decoder", "fcn4"}}})
    EXPECT_THROW(build_net("ssd-mobilenet-multi-shape", {.classes = 1, .set = set}), Error)
        << set.begin()->first << "=" << set.begin()->second;
  EXPECT_THROW(build_net("ssd-mobilenet-single-shape", {.classes = 1, .set = {{"encompassing", "0"}}}),
               Error);
  EXPECT_THROW(build_net("ssd-mobilenet", {.classes = 1, .set = {{"decoder", "fcn16"}}}), Error);
}

TEST(Ssd300Vgg16, HasTheShapesOfThePaper) {
  const Model model = build_net("ssd300-vgg16", {.classes = 20});
  const ShapeTable shapes = infer_shapes(model.graph, {1, 3, 300, 300});
  EXPECT_EQ(shapes[model.graph.outputs()[0].value], (Shape{1, 8732, 4}));
  EXPECT_EQ(shapes[model.graph.outputs()[1].value], (Shape{1, 8732, 21}));
  EXPECT_NEAR(static_cast<double>(cost_of(model.graph, {1, 3, 300, 300}).multiply_adds), 31.4e9, 0.05e9);
}

}  // namespace
}  // namespace vitrail
