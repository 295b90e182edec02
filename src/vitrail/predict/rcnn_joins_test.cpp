// Mask R-CNN's joins on narrow networks with random weights; tests/cross compares a whole one with
// torchvision.

#include <algorithm>

#include <gtest/gtest.h>

#include "narrow_rcnn.h"
#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/image/resize.h"
#include "vitrail/predict/batched_part.h"
#include "vitrail/predict/instance.h"
#include "vitrail/predict/rcnn_input.h"
#include "vitrail/predict/voted_masks.h"

namespace vitrail {
namespace {

Image noise(int64_t height, int64_t width) {
  Random random(static_cast<uint64_t>(height * 1000 + width));
  return noise_image(height, width, 3, random);
}

class EveryRcnn : public testing::TestWithParam<const char*> {};

TEST_P(EveryRcnn, FindsObjectsInsideThePictureAndMasksInsideTheirBoxes) {
  const InstancePredictor predictor(narrow_rcnn(GetParam(), 3));
  EXPECT_TRUE(predictor.has_masks());
  const Image image = noise(75, 110);
  const std::vector<FoundInstance> found = predictor.predict(image);
  ASSERT_FALSE(found.empty());
  int64_t set = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const Box& box = found[i].box;
    EXPECT_GE(box.x1, 0);
    EXPECT_GE(box.y1, 0);
    EXPECT_LE(box.x2, 110.01f);
    EXPECT_LE(box.y2, 75.01f);
    EXPECT_LE(found[i].score, found[i > 0 ? i - 1 : 0].score);
    EXPECT_EQ(found[i].mask.height, 75);
    EXPECT_EQ(found[i].mask.width, 110);
    set += area(found[i].mask);
    if (area(found[i].mask) == 0 || std::string(GetParam()) == "maskrcnn-resnet50-fpn") continue;
    const auto around = bounds(found[i].mask);
    EXPECT_GE(around[0] + 1, box.x1);
    EXPECT_GE(around[1] + 1, box.y1);
    EXPECT_LE(around[0] + around[2] - 1, box.x2);
    EXPECT_LE(around[1] + around[3] - 1, box.y2);
  }
  EXPECT_GT(set, 0) << "no mask at all compares nothing";
  EXPECT_EQ(found, predictor.predict(image));
}

INSTANTIATE_TEST_SUITE_P(Rcnn, EveryRcnn,
                         testing::Values("mask-rcnn-r50-c4", "mask-rcnn-r50-fpn", "mask-rcnn-r101-atrous",
                                         "maskrcnn-resnet50-fpn", "pvd-rcnn-r50-c4"),
                         [](const auto& net) {
                           std::string name = net.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(RcnnJoins, AChoiceNarrowsWhatIsFound) {
  const Model model = narrow_rcnn("mask-rcnn-r50-fpn", 4);
  const Image image = noise(64, 64);
  const std::vector<FoundInstance> one = InstancePredictor(model, {}, {.classes = {2}}).predict(image);
  ASSERT_FALSE(one.empty());
  for (const FoundInstance& each : one)
    EXPECT_EQ(each.class_index, 2);
  const std::vector<FoundInstance> all = InstancePredictor(model).predict(image);
  const std::vector<FoundInstance> best = InstancePredictor(model, {}, {.most = 3}).predict(image);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_TRUE(std::equal(best.begin(), best.end(), all.begin()));
  const InstancePredictor boxes(model, {}, {.masks = false});
  EXPECT_FALSE(boxes.has_masks());
  for (const FoundInstance& each : boxes.predict(image))
    EXPECT_EQ(each.mask.height, 0);
}

// torchvision's columns are the background and the class.
TEST(RcnnJoins, OneClassHasItsOwnColumns) {
  for (const FoundInstance& each :
       InstancePredictor(narrow_rcnn("maskrcnn-resnet50-fpn", 1)).predict(noise(64, 64)))
    EXPECT_EQ(each.class_index, 0);
}

TEST(RcnnJoins, MoreClassesInTheFileThanInTheNetworkAreRefused) {
  Model model = narrow_rcnn("mask-rcnn-r50-fpn", 2);
  model.info.classes.push_back({.name = "one more"});
  const InstancePredictor predictor(std::move(model));
  EXPECT_THROW(predictor.predict(noise(64, 64)), Error);
}

TEST(RcnnInput, SidesFollowTheShortAndTheLongOne) {
  RcnnSystem system;
  EXPECT_EQ(rcnn_size({480, 640}, system), (Extent{800, 1067}));
  EXPECT_EQ(rcnn_size({640, 480}, system), (Extent{1067, 800}));
  EXPECT_EQ(rcnn_size({300, 900}, system), (Extent{444, 1333}));
  system.torchvision = true;
  EXPECT_EQ(rcnn_size({480, 640}, system), (Extent{800, 1066}));
  EXPECT_EQ(rcnn_size({427, 640}, system), (Extent{799, 1199}));  // as torchvision 0.14 has it
  EXPECT_EQ(rcnn_size({375, 500}, system), (Extent{799, 1066}));
  EXPECT_THROW(rcnn_size({0, 5}, system), Error);
}

TEST(RcnnInput, PicturesArePaddedWithTheMeanAtBottomAndRight) {
  ModelInfo info = narrow_rcnn("mask-rcnn-r50-fpn", 1).info;
  const Image image = noise(40, 50);
  const Tensor input = rcnn_input(image, info, {70, 90});
  ASSERT_EQ(input.shape(), (Shape{1, 3, 96, 96}));
  const Tensor inner = preprocess(resize_image(image, 70, 90), [&] {
    Preprocessing unpadded = info.preprocessing;
    unpadded.multiple = 1;
    return unpadded;
  }());
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < 96; ++y)
      for (int64_t x = 0; x < 96; ++x) {
        const float found = input.data<float>()[static_cast<size_t>((c * 96 + y) * 96 + x)];
        const bool inside = y < 70 && x < 90;
        EXPECT_NEAR(found, inside ? inner.data<float>()[static_cast<size_t>((c * 70 + y) * 90 + x)] : 0,
                    inside ? 1.01 : 0);
      }
}

// torchvision does not smooth: pixel centres (x + 0.5) * scale - 0.5, wherever they fall.
TEST(RcnnInput, TorchvisionSamplesWithoutSmoothing) {
  ModelInfo info = narrow_rcnn("maskrcnn-resnet50-fpn", 1).info;
  info.preprocessing = {.mean = {0, 0, 0}, .std = {1, 1, 1}};
  const Image image = noise(91, 77);
  const Tensor input = rcnn_input(image, info, {20, 18});
  const auto pixel = [&](int64_t y, int64_t x) { return static_cast<double>(image.at(y, x)[1]); };
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 18; ++x) {
      const double sy = (static_cast<double>(y) + 0.5) * 91 / 20 - 0.5,
                   sx = (static_cast<double>(x) + 0.5) * 77 / 18 - 0.5;
      const auto y0 = static_cast<int64_t>(sy), x0 = static_cast<int64_t>(sx);
      const double fy = sy - static_cast<double>(y0), fx = sx - static_cast<double>(x0);
      const double expected = (pixel(y0, x0) * (1 - fx) + pixel(y0, x0 + 1) * fx) * (1 - fy) +
                              (pixel(y0 + 1, x0) * (1 - fx) + pixel(y0 + 1, x0 + 1) * fx) * fy;
      EXPECT_NEAR(input.data<float>()[static_cast<size_t>((20 + y) * 18 + x)], expected, 1e-2);
    }
}

// Seeds of scores that are a plane over the crop are that plane at the cells' pixels.
TEST(VotedMasks, SeedsAreWhereTheCropLies) {
  const int64_t side = 7, stride = 16;
  const Box box{20, 33, 140, 97};
  std::vector<float> values;
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x)
      values.push_back(static_cast<float>(3 * x - 2 * y + 1));
  const Tensor seeds = placed_seeds(Tensor::from({1, side, side}, values), {box}, {8, 12}, stride, 2);
  ASSERT_EQ(seeds.shape(), (Shape{1, 2, 8, 12}));
  int64_t inside = 0;
  for (int64_t y = 0; y < 8; ++y)
    for (int64_t x = 0; x < 12; ++x) {
      const double px = 16 * static_cast<double>(x) + 0.5, py = 16 * static_cast<double>(y) + 0.5;
      const float found = seeds.data<float>()[static_cast<size_t>(y * 12 + x)];
      EXPECT_EQ(seeds.data<float>()[static_cast<size_t>(96 + y * 12 + x)], 0)
          << "a channel without an object";
      if (px < 20 || px >= 140 || py < 33 || py >= 97) {
        EXPECT_EQ(found, 0);
        continue;
      }
      ++inside;
      const double u = std::clamp((px - 20) / 120 * 7 - 0.5, 0.0, 6.0),
                   v = std::clamp((py - 33) / 64 * 7 - 0.5, 0.0, 6.0);
      EXPECT_NEAR(found, 3 * u - 2 * v + 1, 1e-4);
    }
  EXPECT_EQ(inside, 7 * 4);
}

TEST(VotedMasks, ABoxBetweenTheCellsHasTheNearestOne) {
  const std::vector<SeedCell> cells = seed_cells({35, 18, 40, 22}, 7, {4, 5}, 16);
  ASSERT_EQ(cells.size(), 1u);
  EXPECT_EQ(cells[0].cell, 1 * 5 + 2);
}

TEST(VotedMasks, TheRegionPutsEveryCellOnItsPixel) {
  const Box region = voted_region({10, 20}, 4);
  for (const int64_t cell : {0, 7, 19})
    EXPECT_NEAR(static_cast<double>(region.x1) + (static_cast<double>(cell) + 0.5) * region.width() / 20,
                4 * static_cast<double>(cell) + 0.5, 1e-4);
}

}  // namespace
}  // namespace vitrail
