#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vitrail/detect/anchors.h"
#include "vitrail/nets/registry.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PretrainedSsd : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  }

  static Model network(const std::string& name, int64_t classes) {
    return build_net(name, {.classes = classes, .set = {{"depth_multiplier", "0.75"}}});
  }

  const std::filesystem::path file = std::filesystem::path(VITRAIL_SOURCE_DIR) /
                                     "../shared/data/pretrained/ssd_mobilenet_v1_x0.75_coco.safetensors";
};

TEST_F(PretrainedSsd, FillsEveryParameterOfTheDetectorItWasMadeFor) {
  const Model model = network("ssd-mobilenet", 90);
  const Pretrained loaded = load_pretrained(file, model.graph);
  for (const Parameter& parameter : model.graph.parameters())
    EXPECT_TRUE(loaded.weights.contains(parameter.name)) << parameter.name;
  EXPECT_THAT(loaded.skipped, ElementsAre(HasSubstr("they spread further")));  // the file's statistics
  for (const std::string& unused : loaded.unused)
    EXPECT_TRUE(unused == "anchors_cycxhw" || unused.find("Predictor.output_") != std::string::npos)
        << unused;
}

TEST_F(PretrainedSsd, GivesTheRowsOfTheClassesThatANetworkHas) {
  const Model model = network("ssd-mobilenet-multi-shape", 2);
  const Pretrained loaded = load_pretrained(file, model.graph, {.classes = {"dog", "person"}});
  const Safetensors original = read_safetensors(file);
  for (const std::string part : {"weight", "bias"}) {
    const std::string name = "BoxPredictor_1.ClassPredictor." + part;
    const Tensor whole = original.tensors.at(name).to_f32(), ours = loaded.weights.at(name);
    ASSERT_EQ(whole.size(0), 6 * 91);
    ASSERT_EQ(ours.size(0), 6 * 3);
    const int64_t length = whole.elements() / whole.size(0);
    for (int64_t anchor = 0; anchor < 6; ++anchor)
      for (const auto& [column, row] : {std::pair<int64_t, int64_t>{0, 0}, {1, 18}, {2, 1}})
        for (int64_t i = 0; i < length; ++i)
          ASSERT_EQ(ours.data<float>()[static_cast<size_t>((anchor * 3 + column) * length + i)],
                    whole.data<float>()[static_cast<size_t>((anchor * 91 + row) * length + i)]);
  }
  EXPECT_THAT(loaded.skipped, ElementsAre(HasSubstr("they spread further")));  // the file's statistics
  EXPECT_FALSE(loaded.weights.contains("isb_9x4.score.weight")) << "branches start fresh";
}

TEST_F(PretrainedSsd, AClassThatCocoDoesNotHaveIsSaid) {
  const Model model = network("ssd-mobilenet", 2);
  const Pretrained loaded = load_pretrained(file, model.graph, {.classes = {"person", "nucleus"}});
  ASSERT_FALSE(loaded.skipped.empty());
  EXPECT_THAT(loaded.skipped[0], HasSubstr("nucleus"));
  EXPECT_TRUE(loaded.weights.contains("BoxPredictor_0.ClassPredictor.weight"));
}

TEST_F(PretrainedSsd, WithoutNamesThePredictorsOfOtherClassesStartFresh) {
  const Model model = network("ssd-mobilenet", 2);
  const Pretrained loaded = load_pretrained(file, model.graph);
  EXPECT_EQ(loaded.skipped.size(), 13u);  // twelve predictors, and the file's statistics
  EXPECT_FALSE(loaded.weights.contains("BoxPredictor_0.ClassPredictor.weight"));
  EXPECT_TRUE(loaded.weights.contains("BoxPredictor_0.BoxEncodingPredictor.weight"));
}

TEST_F(PretrainedSsd, AnEncodersFileFillsTheEncoderAlone) {
  const Model model = network("ssd-mobilenet", 2);
  const Pretrained loaded =
      load_pretrained(file.parent_path() / "mobilenet_v1_x0.75.safetensors", model.graph);
  for (const auto& [name, tensor] : loaded.weights)
    EXPECT_TRUE(name.starts_with("backbone.")) << name;
}

// The file carries the anchors that its detector was trained with, to eight bits.
TEST_F(PretrainedSsd, OurAnchorsAreTheFiles) {
  const Tensor theirs = read_safetensors(file).tensors.at("anchors_cycxhw");
  const std::vector<Box> ours =
      anchors_of(ssd_mobilenet_anchors(), {{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}, {300, 300});
  ASSERT_EQ(theirs.shape(), (Shape{1917, 4}));
  ASSERT_EQ(ours.size(), 1917u);
  for (size_t i = 0; i < ours.size(); ++i) {
    const auto row = theirs.data<float>().subspan(4 * i, 4);
    EXPECT_NEAR((ours[i].y1 + ours[i].y2) / 600, row[0], 5e-3) << i;
    EXPECT_NEAR((ours[i].x1 + ours[i].x2) / 600, row[1], 5e-3) << i;
    EXPECT_NEAR(ours[i].height() / 300, row[2], 5e-3) << i;
    EXPECT_NEAR(ours[i].width() / 300, row[3], 5e-3) << i;
  }
}

}  // namespace
}  // namespace vitrail
