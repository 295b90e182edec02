#include "vitrail/train/branch_batches.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/branches.h"
#include "vitrail/train/convert.h"

namespace vitrail::train {
namespace {

constexpr Extent input{128, 128};

SsdSystem three_shapes() {
  SsdSystem system;
  system.choice = SsdSystem::Choice::largest_not_exceeding;
  system.crop_strides = {32, 16, 8};
  system.branches = {{.name = "isb_3x2", .height = 3, .width = 2},
                     {.name = "isb_2x1", .height = 2, .width = 1},
                     {.name = "isb_1x1", .height = 1, .width = 1}};
  return system;
}

Instance rectangle(int64_t x, int64_t y, int64_t width, int64_t height, int64_t class_index = 0) {
  Mask mask(input.height, input.width);
  for (int64_t row = y; row < y + height; ++row)
    for (int64_t column = x; column < x + width; ++column)
      mask.at(row, column) = 1;
  return {.class_index = class_index,
          .box = {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width),
                  static_cast<float>(y + height)},
          .mask = encode_rle(mask)};
}

TEST(BranchBatches, ObjectsGoToTheirBranchesWithTheirMasks) {
  Random random(1);
  Instance crowd = rectangle(0, 0, 128, 128);
  crowd.crowd = true;
  const std::vector<std::vector<Instance>> instances{
      {rectangle(32, 0, 64, 96), crowd}, {}, {rectangle(4, 70, 20, 40), rectangle(100, 100, 8, 8, 1)}};
  const auto batches = branch_batches(instances, three_shapes(), input, {}, {.outside = 0.25}, random);
  ASSERT_EQ(batches.size(), 3u);

  const BranchBatch& large = batches[0];  // 3x2 cells, filled by the object
  EXPECT_EQ(large.branch, 0u);
  EXPECT_EQ(large.images, std::vector<int64_t>{0});
  EXPECT_EQ(large.regions[0], (Box{32, 0, 96, 96}));
  EXPECT_EQ(large.targets.sizes(), (std::vector<int64_t>{1, 12, 8}));
  EXPECT_EQ(large.targets.min().item<float>(), 1);
  EXPECT_EQ(large.weights.min().item<float>(), 1);

  const BranchBatch& tall = batches[1];  // cells (2, 0) and (3, 0); the object covers columns 4..24 of 0..32
  EXPECT_EQ(tall.images, std::vector<int64_t>{2});
  EXPECT_EQ(tall.regions[0], (Box{0, 64, 32, 128}));
  EXPECT_EQ(tall.targets.sizes(), (std::vector<int64_t>{1, 8, 4}));
  // In eighths: half a cell, two whole ones, nothing; the first row of cells begins 6 pixels above the
  // object.
  const std::vector<float> second_row{0.5, 1, 1, 0}, first_row{0.125, 0.25, 0.25, 0};
  for (int64_t x = 0; x < 4; ++x) {
    EXPECT_NEAR(tall.targets[0][1][x].item<float>(), second_row[static_cast<size_t>(x)], 1e-5) << x;
    EXPECT_NEAR(tall.targets[0][0][x].item<float>(), first_row[static_cast<size_t>(x)], 1e-5) << x;
    EXPECT_EQ(tall.weights[0][1][x].item<float>(), x < 3 ? 1 : 0.25f) << x;
  }
  EXPECT_EQ(tall.weights[0][7][0].item<float>(), 0.25f);
  EXPECT_EQ(batches[2].classes, std::vector<int64_t>{1});
}

TEST(BranchBatches, InputsAreTheCropsThatThePredictorCuts) {
  const SsdSystem system = three_shapes();
  Random random(2);
  const std::vector<std::vector<Instance>> instances{{rectangle(10, 5, 60, 110), rectangle(32, 0, 64, 96)},
                                                     {rectangle(64, 33, 40, 90)}};
  torch::manual_seed(1);
  std::map<int64_t, at::Tensor> features;
  for (const int64_t stride : system.crop_strides)
    features[stride] = torch::randn({2, 3, 128 / stride, 128 / stride});
  SsdSystem learning = system;
  learning.stop_gradient = false;
  std::map<int64_t, at::Tensor> learning_features;
  for (const auto& [stride, map] : features)
    learning_features[stride] = map.clone().set_requires_grad(true);
  int crops = 0;
  for (const BranchBatch& batch : branch_batches(instances, system, input, {}, {}, random)) {
    const auto cut = branch_inputs(batch, system, features, input),
               followed = branch_inputs(batch, learning, learning_features, input);
    ASSERT_EQ(cut.size(), 3u);
    for (const auto& [name, crop] : cut) {
      EXPECT_FALSE(crop.requires_grad());
      ASSERT_TRUE(followed.at(name).requires_grad()) << name;
      ASSERT_EQ(followed.at(name).sizes(), crop.sizes()) << name;
      EXPECT_LT((followed.at(name) - crop).abs().max().item<double>(), 1e-5) << name;
      ++crops;
    }
  }
  EXPECT_GE(crops, 3);
}

TEST(BranchBatches, JitteredBoxesStayNearAndInside) {
  Random random(4);
  const std::vector<std::vector<Instance>> instances{{rectangle(40, 30, 50, 80)}};
  int moved = 0;
  for (int i = 0; i < 50; ++i)
    for (const BranchBatch& batch :
         branch_batches(instances, three_shapes(), input, {}, {.box_jitter = 0.1}, random)) {
      const Box& box = batch.boxes[0];
      EXPECT_NEAR(box.x1, 40, 5.01);
      EXPECT_NEAR(box.y2, 110, 8.01);
      EXPECT_GE(box.y1, 0);
      moved += box == instances[0][0].box ? 0 : 1;
    }
  EXPECT_GT(moved, 45);
}

TEST(BranchBatches, FromAnchorsTheCropIsTheAnchors) {
  SsdSystem system = three_shapes();
  system.from_anchors = true;
  Random random(5);
  const std::vector<Box> anchors{{0, 0, 30, 30}, {30, 0, 100, 100}, {90, 90, 120, 120}};
  const std::vector<std::vector<Instance>> instances{{rectangle(40, 8, 50, 80)}};
  const auto batches = branch_batches(instances, system, input, anchors, {}, random);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].boxes[0], anchors[1]);
}

// Two branches: one box of 2x1 cells, two of 1x1; logits 0 cost log 2 each whatever the target.
TEST(MaskLoss, MeansByHand) {
  std::vector<BranchBatch> batches(2);
  batches[0] = {0, {0}, {0}, {Box{}}, {Box{}}, at::zeros({1, 2, 1}), at::ones({1, 2, 1})};
  batches[1] = {1, {0, 0}, {0, 0}, {Box{}, Box{}}, {Box{}, Box{}}, at::ones({2, 1, 1}), at::ones({2, 1, 1})};
  const double easy = std::log1p(std::exp(-2.0)), hard = easy + 2;  // logit 2, target 1 and 0
  const std::vector<at::Tensor> logits{at::full({1, 1, 2, 1}, 2.0), at::full({2, 1, 1, 1}, 2.0)};
  const auto cost = [&](MaskMean mean) { return mask_loss(batches, logits, mean).item<double>(); };
  EXPECT_NEAR(cost(MaskMean::boxes), (hard + 2 * easy) / 3, 1e-6);
  EXPECT_NEAR(cost(MaskMean::cells), (2 * hard + 2 * easy) / 4, 1e-6);
  EXPECT_NEAR(cost(MaskMean::branches), (hard + easy) / 2, 1e-6);
  EXPECT_EQ(mask_loss({}, {}, MaskMean::boxes).item<double>(), 0);
}

TEST(MaskLoss, OfSeveralClassesTheObjectsOwnCounts) {
  std::vector<BranchBatch> batches(1);
  batches[0] = {0, {0}, {1}, {Box{}}, {Box{}}, at::ones({1, 1, 1}), at::ones({1, 1, 1})};
  at::Tensor logits = torch::tensor({5.0f, -1.0f, 7.0f}).view({1, 3, 1, 1});
  EXPECT_NEAR(mask_loss(batches, std::vector<at::Tensor>{logits}, MaskMean::cells).item<double>(),
              std::log1p(std::exp(1.0)), 1e-6);
}

TEST(MaskLoss, NamesRoundTrip) {
  for (const MaskMean mean : {MaskMean::boxes, MaskMean::cells, MaskMean::branches})
    EXPECT_EQ(mask_mean_from(name_of(mean)), mean);
  EXPECT_THROW(mask_mean_from("pixels"), Error);
}

}  // namespace
}  // namespace vitrail::train
