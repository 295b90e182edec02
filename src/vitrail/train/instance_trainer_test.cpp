// Training instance segmentation from a recipe: everything between a COCO file and a model file.

#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/instance.h"
#include "vitrail/train/checkpoint.h"
#include "vitrail/train/rectangles_testing.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Recipe small_recipe(const std::vector<std::string>& overrides = {}) {
  return parse_recipe(R"(
[net]
name = "ssd-mobilenet-multi-shape"
set = { depth_multiplier = 0.25, size = 128, shapes = "3x2,2x1,1x1", branch_channels = 32, batch_norm_momentum = 0.7 }
[data]
dataset = "coco"
train_split = "all"
val_split = "all"
[optimizer]
name = "adamw"
rate = 0.004
[loss]
mining = "hardest"
masks = 2
[train]
steps = 6
batch = 2
seed = 3
log_every = 2
[evaluate]
report_images = 1
)",
                      "small.toml", overrides);
}

class InstanceTraining : public RectangleTraining {
 protected:
  static Weights weights_after(const std::string& name, const std::vector<std::string>& overrides) {
    Trainer(small_recipe(overrides), into(name)).run();
    return read_checkpoint(root() / name, "last")->model;
  }
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

TEST_F(InstanceTraining, ANetLearnsFourPicturesByHeart) {
  const TrainResult result =
      Trainer(small_recipe({"train.steps=120", "train.ema=0.8", "train.batch=4"}), into("overfit")).run();
  EXPECT_THAT(result.table, HasSubstr("AP50"));
  const auto checkpoint = read_checkpoint(root() / "overfit", "last");
  ASSERT_EQ(checkpoint->history.evaluations.size(), 1u);
  const EvaluationPoint& point = checkpoint->history.evaluations[0];
  EXPECT_EQ(point.figures.at(0).name, "mask_ap50");
  EXPECT_GT(point.score().value(), 0.8);
  const Model model = read_onnx(result.model);
  EXPECT_EQ(model.info.classes.at(0).name, "plate");
  EXPECT_THAT(model.info.notes.at("validation"), HasSubstr("masks AP50"));
  EXPECT_THAT(read_file(result.report), HasSubstr("mask AP50"));
  const auto found = InstancePredictor(model).predict(read_image(root() / "data" / "images" / "p2.png"));
  ASSERT_FALSE(found.empty());
  EXPECT_GT(found[0].score, 0.5f);
  std::cout << "mask AP50 " << *point.score() << std::endl;
}

TEST_F(InstanceTraining, AResumedRunEndsWithTheSameBits) {
  const Recipe recipe =
      small_recipe({"train.ema=0.9", "train.accumulate=2", "augment.flip=0.5", "augment.scale_min=0.7",
                    "augment.scale_max=1.4", "augment.ssd_crop=0.5", "augment.box_jitter=0.1",
                    "augment.brightness=0.3", "train.shared_steps=3", "train.checkpoint_every=2",
                    "train.evaluate_every=3", "loss.mining=suppression"});
  Trainer(recipe, into("whole")).run();
  TrainOptions stopping = into("parts");
  int64_t steps = 0;
  stopping.progress = [&](const Progress& now) { steps = now.step; };
  for (const int64_t stop : {2, 5}) {
    stopping.cancelled = [&] { return steps >= stop; };
    EXPECT_THROW(Trainer(recipe, stopping).run(), Error);
    stopping.resume = true;
  }
  stopping.cancelled = {};
  Trainer(recipe, stopping).run();
  EXPECT_EQ(read_file(root() / "whole" / "model.onnx"), read_file(root() / "parts" / "model.onnx"));
}

TEST_F(InstanceTraining, AFrozenTrunkStaysAndItsBranchesLearn) {
  const std::vector<std::string> frozen{"train.freeze=['backbone.*','Conv2d_13_*','BoxPredictor_*']",
                                        "train.freeze_statistics=true"};
  std::vector<std::string> longer = frozen;
  longer.push_back("train.steps=3");
  longer.push_back("schedule.name=constant");
  const Weights six = weights_after("frozen6", frozen), three = weights_after("frozen3", longer);
  int stayed = 0, moved = 0;
  for (const auto& [name, tensor] : six) {
    const bool same = same_bits(tensor, three.at(name));
    if (name.starts_with("isb_"))
      moved += same ? 0 : 1;
    else
      stayed += same ? 1 : 1000000;
  }
  EXPECT_GT(stayed, 50);
  EXPECT_LT(stayed, 1000000);
  EXPECT_GT(moved, 5);
}

TEST_F(InstanceTraining, BranchesThatShareStayAlike) {
  const Weights shared = weights_after("shared", {"train.shared_steps=6"}),
                own = weights_after("own", {"train.shared_steps=0"});
  const std::string suffix = ".sepconv_pointwise.weight";
  EXPECT_TRUE(same_bits(shared.at("isb_3x2" + suffix), shared.at("isb_1x1" + suffix)));
  EXPECT_FALSE(same_bits(own.at("isb_3x2" + suffix), own.at("isb_1x1" + suffix)));
}

TEST_F(InstanceTraining, GradientsOfMasksReachTheTrunkWhenAsked) {
  const std::vector<std::string> masks_alone{"loss.boxes=0", "loss.classes=0", "train.steps=1",
                                             "optimizer.weight_decay=0"};
  std::vector<std::string> open = masks_alone;
  open.push_back("net.set.stop_gradient=0");
  const Weights closed_weights = weights_after("closed", masks_alone),
                open_weights = weights_after("open", open);
  const std::string name = "backbone.Conv2d_13_pointwise.weight";
  EXPECT_FALSE(same_bits(closed_weights.at(name), open_weights.at(name)));
}

TEST_F(InstanceTraining, HeldOutPicturesAreTheValidationSplit) {
  const TrainResult result =
      Trainer(small_recipe({"train.steps=1", "data.val_split=''", "data.hold_out=2"}), into("held")).run();
  EXPECT_THAT(read_onnx(result.model).info.notes.at("validation"),
              HasSubstr("one picture in 2 of all, 2 images"));
  EXPECT_THROW(Trainer(small_recipe({"data.hold_out=2"}), into("both")), Error);
}

}  // namespace
}  // namespace vitrail::train
