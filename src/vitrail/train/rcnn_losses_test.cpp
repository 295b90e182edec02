#include "vitrail/train/rcnn_losses.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/detect/box_coding.h"
#include "vitrail/detect/roi.h"
#include "vitrail/predict/voted_masks.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/rcnn_crops.h"
#include "vitrail/train/voted_masks.h"

namespace vitrail::train {
namespace {

RcnnSystem two_maps() {
  RcnnSystem system;
  system.strides = {4, 8};
  system.canonical_size = 32;
  system.canonical_level = 3;
  return system;
}

Rle rectangle(int64_t height, int64_t width, const Box& box) {
  Mask mask(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const double px = static_cast<double>(x) + 0.5, py = static_cast<double>(y) + 0.5;
      mask.at(y, x) = px > static_cast<double>(box.x1) && px < static_cast<double>(box.x2) &&
                      py > static_cast<double>(box.y1) && py < static_cast<double>(box.y2);
    }
  return encode_rle(mask);
}

double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

// Gradients of `loss` to `x` (double) against differences.
template <class LossOf>
void expect_gradients(const at::Tensor& x, const LossOf& loss) {
  const at::Tensor variable = x.clone().set_requires_grad(true);
  loss(variable).backward();
  const at::Tensor gradient = variable.grad().flatten();
  at::Tensor moved = x.clone();
  double* values = moved.data_ptr<double>();
  int64_t nonzero = 0;
  for (int64_t i = 0; i < moved.numel(); ++i) {
    constexpr double step = 1e-6;
    const double before = values[i];
    values[i] = before + step;
    const double above = loss(moved).template item<double>();
    values[i] = before - step;
    const double below = loss(moved).template item<double>();
    values[i] = before;
    EXPECT_NEAR(gradient[i].item<double>(), (above - below) / (2 * step), 1e-6) << "element " << i;
    nonzero += gradient[i].item<double>() != 0;
  }
  EXPECT_GT(nonzero, 0);
}

// One object. Anchor 0 is it, anchor 1 far away, anchor 2 overlaps it by half (no loss), anchor 3 far away.
struct Proposals {
  std::vector<Box> anchors{{10, 10, 30, 30}, {60, 60, 80, 80}, {10, 10, 30, 20}, {40, 60, 60, 90}};
  std::vector<RcnnObjects> objects{{.boxes = {{12, 9, 31, 30}}, .classes = {1}, .masks = {}}};
  RcnnLossOptions options{.proposal_samples = 8};
  at::Tensor objectness = torch::tensor({0.3, -0.7, 2.0, 1.1}, at::kDouble).view({1, 4});
  at::Tensor codes = torch::randn({1, 4, 4}, at::kDouble);
};

TEST(ProposalLoss, CountsAnchorsWithAndWithoutObjectsAndNothingBetween) {
  const Proposals p;
  const RcnnSystem system = two_maps();
  Random random(1);
  const LossValue value =
      proposal_loss(p.objectness, p.codes, p.anchors, p.objects, system, p.options, random);
  EXPECT_NEAR(value.parts[0].second.item<double>(), (softplus(-0.3) + softplus(-0.7) + softplus(1.1)) / 8,
              1e-9);
  const auto wanted = encode(p.objects[0].boxes[0], p.anchors[0], system.rpn_coding);
  double l1 = 0;
  for (int64_t k = 0; k < 4; ++k)
    l1 += std::abs(p.codes[0][0][k].item<double>() - static_cast<double>(wanted[static_cast<size_t>(k)]));
  EXPECT_NEAR(value.parts[1].second.item<double>(), l1 / 8, 1e-6);
  EXPECT_NEAR(value.total.item<double>(),
              value.parts[0].second.item<double>() + value.parts[1].second.item<double>(), 1e-9);
}

TEST(ProposalLoss, APictureWithoutObjectsIsAllBackground) {
  Proposals p;
  p.objects = {{}};
  Random random(1);
  const LossValue value =
      proposal_loss(p.objectness, p.codes, p.anchors, p.objects, two_maps(), p.options, random);
  EXPECT_NEAR(value.parts[0].second.item<double>(),
              (softplus(0.3) + softplus(-0.7) + softplus(2.0) + softplus(1.1)) / 8, 1e-9);
  EXPECT_EQ(value.parts[1].second.item<double>(), 0);
}

TEST(ProposalLoss, GradientsAreTheDifferences) {
  const Proposals p;
  for (const double beta : {0.0, 0.3}) {
    RcnnLossOptions options = p.options;
    options.proposal_beta = beta;
    options.objectness = 2;
    const auto loss = [&](const at::Tensor& objectness, const at::Tensor& codes) {
      Random random(5);
      return proposal_loss(objectness, codes, p.anchors, p.objects, two_maps(), options, random).total;
    };
    expect_gradients(p.objectness, [&](const at::Tensor& x) { return loss(x, p.codes); });
    expect_gradients(p.codes, [&](const at::Tensor& x) { return loss(p.objectness, x); });
  }
}

TEST(ProposalLoss, RefusesRowsThatDoNotFit) {
  const Proposals p;
  Random random(1);
  EXPECT_THROW(proposal_loss(p.objectness.narrow(1, 0, 3), p.codes, p.anchors, p.objects, two_maps(),
                             p.options, random),
               Error);
}

TEST(SampledRois, AQuarterHasObjectsAndTheirOwnBoxesAreAmongThem) {
  Random random(2);
  const Box object{20, 20, 60, 60};
  std::vector<Box> proposals;
  for (int i = 0; i < 200; ++i) {  // near the object, so that IoU is above one half
    const auto shift = static_cast<float>(i % 10) * 0.5f;
    proposals.push_back({20 + shift, 20, 60 + shift, 60});
  }
  for (int i = 0; i < 200; ++i)
    proposals.push_back({100, 100 + static_cast<float>(i % 7), 120, 130});
  const std::vector<std::vector<Box>> by_picture{proposals, {}};
  const std::vector<RcnnObjects> objects{{.boxes = {object}, .classes = {0}, .masks = {}},
                                         {.boxes = {{5, 5, 9, 9}}, .classes = {2}, .masks = {}}};
  const RoiBatch rois = sampled_rois(by_picture, objects, {.box_samples = 64}, random);
  int64_t with = 0, without = 0;
  for (size_t i = 0; i < rois.boxes.size(); ++i)
    if (rois.images[i] == 0) ++(rois.object[i] >= 0 ? with : without);
  EXPECT_EQ(with, 16);
  EXPECT_EQ(without, 48);
  ASSERT_EQ(rois.images.back(), 1) << "a picture without proposals has its object's box";
  EXPECT_EQ(rois.boxes.back(), (Box{5, 5, 9, 9}));
  EXPECT_EQ(rois.object.back(), 0);
  const RoiBatch some = rois.with_objects();
  EXPECT_EQ(some.boxes.size(), 17u);
  for (const int64_t each : some.object)
    EXPECT_GE(each, 0);
  const RoiBatch none = sampled_rois(by_picture, objects, {.box_samples = 64, .add_objects = false}, random);
  EXPECT_EQ(none.images.back(), 0);
}

struct Heads {
  std::vector<RcnnObjects> objects{
      {.boxes = {{10, 10, 40, 40}}, .classes = {1}, .masks = {rectangle(64, 64, {10, 10, 40, 40})}}};
  RoiBatch rois{.boxes = {{8, 12, 38, 44}, {50, 50, 60, 60}}, .images = {0, 0}, .object = {0, background}};
};

TEST(BoxLoss, IsCrossEntropyAndTheClassesOwnNumbers) {
  const Heads h;
  const at::Tensor logits = torch::tensor({0.5, -1.0, 2.0, 1.0, 0.0, -0.5}, at::kDouble).view({2, 3});
  for (const bool with_background : {false, true}) {
    RcnnSystem system = two_maps();
    system.background_columns = with_background;
    const int64_t columns = with_background ? 3 : 2;
    const at::Tensor codes = torch::randn({2, 4 * columns}, at::kDouble);
    const LossValue value = box_loss(logits, codes, h.rois, h.objects, system, {});
    const double first = std::log(std::exp(0.5) + std::exp(-1.0) + std::exp(2.0)) - 2.0;
    const double second = std::log(std::exp(1.0) + 1 + std::exp(-0.5)) - 1.0;
    EXPECT_NEAR(value.parts[0].second.item<double>(), (first + second) / 2, 1e-9);
    const auto wanted = encode(h.objects[0].boxes[0], h.rois.boxes[0], system.box_coding);
    const int64_t column = with_background ? 2 : 1;
    double l1 = 0;
    for (int64_t k = 0; k < 4; ++k)
      l1 += std::abs(codes[0][4 * column + k].item<double>() -
                     static_cast<double>(wanted[static_cast<size_t>(k)]));
    EXPECT_NEAR(value.parts[1].second.item<double>(), l1 / 2, 1e-5);
    expect_gradients(codes, [&](const at::Tensor& x) {
      return box_loss(logits, x, h.rois, h.objects, system, {.box_beta = 0.2}).total;
    });
  }
  expect_gradients(logits, [&](const at::Tensor& x) {
    return box_loss(x, at::zeros({2, 8}, at::kDouble), h.rois, h.objects, two_maps(), {}).total;
  });
}

TEST(CropMaskLoss, IsTheObjectsMaskSeenFromTheProposal) {
  const Heads h;
  const RoiBatch rois = h.rois.with_objects();
  const RcnnSystem system = two_maps();
  const at::Tensor logits = torch::randn({1, 2, 5, 4}, at::kDouble);
  // The proposal is (8, 12) to (38, 44): cells are 7.5 wide and 6.4 high; the object is (10, 10) to (40, 40).
  double expected = 0;
  for (int64_t y = 0; y < 5; ++y)
    for (int64_t x = 0; x < 4; ++x) {
      const double left = 8 + 7.5 * static_cast<double>(x), bottom = 12 + 6.4 * static_cast<double>(y + 1);
      const double across = std::min(1.0, (left + 7.5 - 10) / 7.5),
                   down = std::min(1.0, (40 - bottom + 6.4) / 6.4);
      const bool inside = across * down >= 0.5;
      const double z = logits[0][1][y][x].item<double>();
      expected += softplus(inside ? -z : z);
    }
  EXPECT_NEAR(crop_mask_loss(logits, rois, h.objects, system).item<double>(), expected / 20, 1e-9);
  expect_gradients(logits, [&](const at::Tensor& x) { return crop_mask_loss(x, rois, h.objects, system); });
  EXPECT_EQ(crop_mask_loss(at::zeros({0, 2, 5, 4}), {}, h.objects, system).item<float>(), 0);
}

TEST(RcnnObjects, CrowdsAreNoObjects) {
  const std::vector<std::vector<Instance>> instances{{{.class_index = 3, .box = {1, 2, 3, 4}},
                                                      {.class_index = 1, .box = {1, 2, 3, 9}, .crowd = true},
                                                      {.class_index = 1, .box = {5, 5, 5, 9}}}};
  const std::vector<RcnnObjects> objects = rcnn_objects(instances);
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].classes, (std::vector<int64_t>{3}));
}

TEST(RcnnCrops, AreThoseOfPredictionFromTheLevelOfEachBox) {
  for (const auto crop : {RcnnSystem::Crop::roi_align, RcnnSystem::Crop::roi_align_legacy,
                          RcnnSystem::Crop::crop_and_resize_pooled}) {
    RcnnSystem system = two_maps();
    system.crop = crop;
    const std::vector<at::Tensor> maps{torch::randn({2, 3, 32, 24}).requires_grad_(),
                                       torch::randn({2, 3, 16, 12}).requires_grad_()};
    const std::vector<Box> boxes{{3, 4, 90, 100}, {1, 2, 12, 15}, {40, 8, 80, 60}, {5, 5, 20, 9}};
    const std::vector<int64_t> images{1, 0, 0, 1};
    const at::Tensor found = rcnn_crops(maps, boxes, images, system, 5, {128, 96});
    const Tensor expected = roi_crops({from_torch(maps[0].detach()), from_torch(maps[1].detach())}, boxes,
                                      images, system, 5, {128, 96});
    EXPECT_TRUE(at::equal(found.detach(), to_torch(expected)));
    found.sum().backward();
    for (const at::Tensor& map : maps)
      EXPECT_GT(map.grad().abs().sum().item<float>(), 0);
  }
  EXPECT_EQ(
      rcnn_crops({at::zeros({1, 3, 8, 8}), at::zeros({1, 3, 4, 4})}, {}, {}, two_maps(), 5, {32, 32}).sizes(),
      (at::IntArrayRef{0, 3, 5, 5}));
}

TEST(VotedMaskTraining, SeedsAreThoseOfPredictionWithGradients) {
  const std::vector<Box> boxes{{20, 33, 140, 97}, {35, 18, 40, 22}};
  const at::Tensor scores = torch::randn({2, 7, 7}, at::kDouble);
  const Extent map{8, 12};
  const at::Tensor found = placed_seeds(scores, boxes, map, 16);
  const Tensor expected = vitrail::placed_seeds(from_torch(scores.to(at::kFloat)), boxes, map, 16, 2);
  EXPECT_LT((found - to_torch(expected)).abs().max().item<double>(), 1e-5);
  const at::Tensor factors = torch::randn({1, 2, 8, 12}, at::kDouble);
  expect_gradients(scores,
                   [&](const at::Tensor& x) { return (placed_seeds(x, boxes, map, 16) * factors).sum(); });
}

TEST(VotedMaskTraining, TheLossLooksAtTheCellsOfTheBoxAlone) {
  const Box box{8, 8, 24, 16};  // cells of stride 4: x = 2 ... 5, y = 2 and 3
  Mask mask(32, 32);
  for (int64_t y = 0; y < 32; ++y)
    for (int64_t x = 0; x < 16; ++x)
      mask.at(y, x) = 1;
  const at::Tensor logits = torch::randn({1, 1, 8, 8}, at::kDouble);
  double expected = 0;
  for (int64_t y = 2; y <= 3; ++y)
    for (int64_t x = 2; x <= 5; ++x) {
      const double z = logits[0][0][y][x].item<double>();
      expected += softplus(x < 4 ? -z : z);
    }
  const std::vector<Mask> masks{mask};
  EXPECT_NEAR(voted_mask_loss(logits, std::span(&box, 1), masks, 4).item<double>(), expected / 8, 1e-9);
  expect_gradients(logits,
                   [&](const at::Tensor& x) { return voted_mask_loss(x, std::span(&box, 1), masks, 4); });
}

}  // namespace
}  // namespace vitrail::train
