// Training Mask R-CNN from a recipe: everything between a COCO file and a model file.

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/instance.h"
#include "vitrail/train/checkpoint.h"
#include "vitrail/train/rcnn_batches.h"
#include "vitrail/train/rectangles_testing.h"
#include "vitrail/train/setup.h"
#include "vitrail/train/task.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;

Recipe small_recipe(const std::string& net, const std::vector<std::string>& overrides) {
  Recipe recipe = parse_recipe(R"(
[net]
name = "mask-rcnn-r50-fpn"
set = { width = 0.125, batch_norm = "trained", short_side = 96, long_side = 96 }
[data]
dataset = "coco"
train_split = "all"
val_split = "all"
[loss]
box_samples = 48
[optimizer]
name = "adamw"
rate = 0.003
[train]
steps = 3
batch = 4
seed = 3
[evaluate]
report_images = 1
)",
                               "small.toml", overrides);
  recipe.net.name = net;
  return recipe;
}

class RcnnTraining : public RectangleTraining {};

TEST_F(RcnnTraining, ANetLearnsFourPicturesByHeart) {
  const TrainResult result =
      Trainer(small_recipe("mask-rcnn-r50-fpn", {"train.steps=90"}), into("overfit")).run();
  const auto checkpoint = read_checkpoint(root() / "overfit", "last");
  const EvaluationPoint& point = checkpoint->history.evaluations.at(0);
  EXPECT_EQ(point.figures.at(0).name, "mask_ap50");
  EXPECT_GT(point.score().value(), 0.8);
  const auto found =
      InstancePredictor(read_onnx(result.model)).predict(read_image(root() / "data" / "images" / "p2.png"));
  ASSERT_FALSE(found.empty());
  EXPECT_GT(found[0].score, 0.5f);
  std::cout << "mask AP50 " << *point.score() << std::endl;
}

// One pass of every form: five losses, whose gradients reach every parameter that learns.
TEST_F(RcnnTraining, EveryFormHasAllLossesAndGradients) {
  for (const std::string net :
       {"mask-rcnn-r50-c4", "mask-rcnn-r101-atrous", "maskrcnn-resnet50-fpn", "pvd-rcnn-r50-c4"}) {
    Recipe recipe = small_recipe(net, {"train.batch=2"});
    recipe.data.dataset = dataset();
    const std::unique_ptr<Task> task = make_task(recipe);
    Model model = network_of(recipe, task->classes());
    model.weights = initial_weights(model.graph, 5);
    Module module(model.graph, model.weights);
    task->prepare(model, module, {});
    task->start(0);
    const PassLoss pass = task->pass(1);
    std::vector<std::string> names;
    for (const auto& [name, value] : pass.value.parts) {
      names.push_back(name);
      EXPECT_GT(value.item<float>(), 0) << net << " " << name;
    }
    EXPECT_EQ(names, (std::vector<std::string>{"objectness", "rpn_boxes", "classes", "boxes", "masks"}))
        << net;
    pass.value.total.backward();
    for (const auto& [name, tensor] : module.learnable()) {
      ASSERT_TRUE(tensor.grad().defined()) << net << " " << name;
      EXPECT_TRUE(tensor.grad().isfinite().all().item<bool>()) << net << " " << name;
    }
  }
}

TEST_F(RcnnTraining, AResumedRunEndsWithTheSameBits) {
  const Recipe recipe = small_recipe("mask-rcnn-r50-fpn", {"augment.flip=0.5", "augment.scales=[0.8, 1.0]",
                                                           "train.checkpoint_every=1", "train.batch=2"});
  Trainer(recipe, into("whole")).run();
  TrainOptions stopping = into("parts");
  int64_t steps = 0;
  stopping.progress = [&](const Progress& now) { steps = now.step; };
  stopping.cancelled = [&] { return steps >= 1; };
  EXPECT_THROW(Trainer(recipe, stopping).run(), Error);
  stopping.resume = true;
  stopping.cancelled = {};
  Trainer(recipe, stopping).run();
  EXPECT_EQ(read_file(root() / "whole" / "model.onnx"), read_file(root() / "parts" / "model.onnx"));
}

TEST_F(RcnnTraining, PicturesKeepTheirAspectAndObjectsFollow) {
  const auto data = open_instance_dataset(dataset(), "all");
  ModelInfo info;
  info.preprocessing = {.mean = {0, 0, 0}, .std = {1, 1, 1}, .multiple = 32};
  info.instance = RcnnSystem{.short_side = 100, .long_side = 150};
  RcnnLoader loader(*data, info, {.scales = {0.5, 0.9}}, {.batch = 6, .seed = 2, .threads = 1}, 0);
  const RcnnBatch batch = loader.next();
  ASSERT_EQ(batch.sizes.size(), 6u);
  bool small = false, large = false;
  for (size_t i = 0; i < batch.sizes.size(); ++i) {
    const Extent size = batch.sizes[i];
    EXPECT_EQ(size.height, size.width) << "the pictures are square";
    EXPECT_TRUE(size.height == 50 || size.height == 90);
    (size.height == 50 ? small : large) = true;
    ASSERT_FALSE(batch.instances[i].empty());
    for (const Instance& each : batch.instances[i]) {
      EXPECT_EQ(each.mask.height, size.height);
      EXPECT_LE(each.box.x2, static_cast<float>(size.width));
      EXPECT_NEAR(static_cast<double>(area(each.mask)), static_cast<double>(each.box.area()),
                  0.1 * each.box.area() + 30);
    }
  }
  EXPECT_TRUE(small && large);
  EXPECT_EQ(batch.images.shape(), (Shape{6, 3, 96, 96}));
}

}  // namespace
}  // namespace vitrail::train
