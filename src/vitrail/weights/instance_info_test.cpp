#include "vitrail/weights/instance_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mutate.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;

SsdSystem ssd() {
  SsdSystem system;
  system.anchors = {
      .levels = {{.sizes = {{0.1, 0.1 + 0.2}, {0.25, 1.0 / 3}}, .step = 0}, {.sizes = {{2, 3}}, .step = 64}},
      .relative_sizes = true,
      .offset = 0.25};
  system.coding = {.scales = {1, 2, 3, 4}, .y_first = false, .largest_log = 16};
  system.softmax_scores = true;
  system.selection = {
      .score_threshold = 1e-8, .iou_threshold = 0.6, .before_suppression = 7, .per_class = 8, .total = 9};
  system.branches = {{.name = "isb_9x4", .height = 9, .width = 4, .resizes = false, .most_boxes = 30},
                     {.name = "isb_1x1", .height = 1, .width = 1}};
  system.crop_strides = {32, 16};
  system.choice = SsdSystem::Choice::largest_not_exceeding;
  system.encompassing = false;
  system.box_conditioned = system.from_anchors = system.class_specific_masks = true;
  system.stop_gradient = false;
  system.mask_threshold = -0.5;
  system.smooth_resize = false;
  return system;
}

RcnnSystem rcnn() {
  RcnnSystem system;
  system.anchors = {.levels = {{.sizes = {{32, 64}}, .step = 4}}, .whole_steps = true};
  system.proposal_strides = {4, 64};
  system.strides = {4, 8};
  system.crop = RcnnSystem::Crop::crop_and_resize_pooled;
  system.voting_units = {{.name = "stage3", .stride = 16}};
  system.torchvision = true;
  system.canonical_level = 5;
  system.class_specific_masks = false;
  return system;
}

// The second text holds every field of the first struct's, so equal texts are equal structs.
TEST(InstanceInfo, RoundTripsThroughJson) {
  for (const InstanceSystem& system : {InstanceSystem(ssd()), InstanceSystem(rcnn()),
                                       InstanceSystem(SsdSystem{}), InstanceSystem(RcnnSystem{})}) {
    const std::string text = instance_to_json(system);
    const InstanceSystem again = instance_from_json(text, "here");
    EXPECT_EQ(again.index(), system.index());
    EXPECT_EQ(instance_to_json(again), text);
  }
  EXPECT_EQ(instance_to_json({}), "");
  const auto again = std::get<SsdSystem>(instance_from_json(instance_to_json(ssd()), "here"));
  EXPECT_EQ(again.anchors.levels.at(0).sizes, ssd().anchors.levels.at(0).sizes) << "every bit survives";
  EXPECT_EQ(again.choice, SsdSystem::Choice::largest_not_exceeding);
  EXPECT_EQ(again.branches.at(0).name, "isb_9x4");
  EXPECT_FALSE(again.branches.at(0).resizes);
}

// What is not the default must not be lost: a field that is forgotten in one description would read as the
// default.
TEST(InstanceInfo, EveryFieldIsWritten) {
  const Json changed = Json::parse(instance_to_json(ssd())),
             plain = Json::parse(instance_to_json(SsdSystem{}));
  EXPECT_EQ(changed.size(), 15u);
  for (const auto& [key, value] : changed.items()) {
    if (key == "kind") continue;
    EXPECT_NE(value, plain.at(key)) << key;
  }
}

TEST(InstanceInfo, AFieldThatIsLeftOutKeepsItsDefault) {
  const auto system =
      std::get<SsdSystem>(instance_from_json(R"({"kind": "ssd", "mask_threshold": 2})", "here"));
  EXPECT_EQ(system.mask_threshold, 2);
  EXPECT_TRUE(system.encompassing);
}

TEST(InstanceInfo, RefusesWhatIsWrongAndNamesIt) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "must be JSON"},
      {"7", "kind"},
      {"[]", "kind"},
      {"{}", "kind"},
      {R"({"kind": "yolo"})", "yolo"},
      {R"({"kind": "ssd", "anchor": {}})", ".anchor"},
      {R"({"kind": "ssd", "anchors": []})", ".anchors"},
      {R"({"kind": "ssd", "anchors": {"levels": [{"sizes": [[1]]}]}})", ".anchors.levels[0].sizes[0]"},
      {R"({"kind": "ssd", "anchors": {"levels": [{"sizes": [[1, -1]]}]}})", ".anchors.levels[0].sizes[0][1]"},
      {R"({"kind": "ssd", "anchors": {"levels": [{"step": 1e300}]}})", ".anchors.levels[0].step"},
      {R"({"kind": "ssd", "selection": {"per_class": 0}})", ".selection.per_class"},
      {R"({"kind": "ssd", "selection": {"per_class": 99999999999999999999}})", ".selection.per_class"},
      {R"({"kind": "ssd", "selection": {"per_class": 1.5}})", ".selection.per_class"},
      {R"({"kind": "ssd", "selection": {"iou_threshold": "half"}})", ".selection.iou_threshold"},
      {R"({"kind": "ssd", "softmax_scores": 1})", ".softmax_scores"},
      {R"({"kind": "ssd", "choice": "best"})", ".choice"},
      {R"({"kind": "ssd", "branches": [{"name": ""}]})", ".branches[0].name"},
      {R"({"kind": "ssd", "branches": [{"name": "a"}, {"name": "a"}]})", "two branches"},
      {R"({"kind": "ssd", "choice": "exact", "choice": "single"})", "twice"},
      {R"({"kind": "rcnn", "mask_crop": 0})", ".mask_crop"},
      {R"({"kind": "rcnn", "strides": [0]})", ".strides[0]"},
      {R"({"kind": "ssd", "anchors": [[[[[[[[[[1]]]]]]]]]]})", "deep"}};
  for (const auto& [text, named] : cases) {
    try {
      instance_from_json(text, "file.onnx: metadata");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format) << text;
      EXPECT_THAT(error.what(), testing::HasSubstr(named)) << text;
      EXPECT_THAT(error.what(), testing::HasSubstr("file.onnx")) << text;
    }
  }
}

TEST(InstanceInfo, DamagedTextIsReadOrRefused) {
  Random random(1);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = mutated(instance_to_json(ssd()), random);
    try {
      const InstanceSystem system = instance_from_json(text, "file.onnx");
      ASSERT_TRUE(std::holds_alternative<SsdSystem>(system));
    } catch (const Error& error) {
      ++refused;
      ASSERT_THAT(error.what(), testing::HasSubstr("file.onnx"));
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace vitrail
