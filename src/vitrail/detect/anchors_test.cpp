#include "vitrail/detect/anchors.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

// The maps of SSD-MobileNet at a side: strides 16 and 32, then halves, rounded up.
std::vector<Extent> mobilenet_maps(int64_t side) {
  std::vector<Extent> maps;
  for (int64_t stride = 16; maps.size() < 6; stride *= 2) {
    const int64_t cells = maps.empty() ? (side + stride - 1) / stride : (maps.back().height + 1) / 2;
    maps.push_back({cells, cells});
  }
  return maps;
}

const std::vector<Extent> ssd300_maps{{38, 38}, {19, 19}, {10, 10}, {5, 5}, {3, 3}, {1, 1}};

TEST(Anchors, CountsAreThoseOfThePapers) {
  EXPECT_EQ(anchors_of(ssd_mobilenet_anchors(), mobilenet_maps(300), {300, 300}).size(), 1917u);
  EXPECT_EQ(anchors_of(ssd_mobilenet_anchors(), mobilenet_maps(320), {320, 320}).size(), 2034u);
  EXPECT_EQ(anchors_of(ssd_mobilenet_anchors(), mobilenet_maps(640), {640, 640}).size(), 8028u);
  for (const auto boxes : {Ssd300Boxes::caffe_voc, Ssd300Boxes::caffe_coco, Ssd300Boxes::torchvision})
    EXPECT_EQ(anchors_of(ssd300_anchors(boxes), ssd300_maps, {300, 300}).size(), 8732u);
  EXPECT_EQ(anchors_per_cell(ssd_mobilenet_anchors()), (std::vector<int64_t>{3, 6, 6, 6, 6, 6}));
  EXPECT_EQ(anchors_per_cell(ssd300_anchors()), (std::vector<int64_t>{4, 6, 6, 6, 4, 4}));
}

TEST(Anchors, CellsAreInRasterOrderAndBoxesOfACellInnermost) {
  const AnchorSystem system{.levels = {{.sizes = {{2, 4}, {6, 8}}, .step = 10}}};
  const std::vector<Box> anchors = anchors_of(system, {{2, 3}}, {20, 30});
  ASSERT_EQ(anchors.size(), 12u);
  EXPECT_EQ(anchors[0], (Box{3, 4, 7, 6}));
  EXPECT_EQ(anchors[1], (Box{1, 2, 9, 8}));
  EXPECT_EQ(anchors[2], (Box{13, 4, 17, 6})) << "x runs first";
  EXPECT_EQ(anchors[6], (Box{3, 14, 7, 16}));
}

TEST(Anchors, RelativeSizesAreOfTheSmallerSide) {
  const AnchorSystem system{.levels = {{.sizes = {{0.5, 0.25}}}}, .relative_sizes = true};
  // One cell: its centre is the image's.
  EXPECT_EQ(anchors_of(system, {{1, 1}}, {100, 200}).at(0), (Box{87.5, 25, 112.5, 75}));
}

TEST(Anchors, ShapesOfSsdMobilenetInTensorflowsOrder) {
  const AnchorSystem system = ssd_mobilenet_anchors();
  const auto expect = [](const std::array<double, 2>& size, double scale, double ratio) {
    EXPECT_NEAR(size[0], scale / std::sqrt(ratio), 1e-9);
    EXPECT_NEAR(size[1], scale * std::sqrt(ratio), 1e-9);
  };
  expect(system.levels[0].sizes[0], 0.1, 1);
  expect(system.levels[0].sizes[1], 0.2, 2);
  expect(system.levels[0].sizes[2], 0.2, 0.5);
  expect(system.levels[1].sizes[0], 0.35, 1);
  expect(system.levels[1].sizes[1], 0.35, 2);
  expect(system.levels[1].sizes[2], 0.35, 0.5);
  expect(system.levels[1].sizes[3], 0.35, 3);
  expect(system.levels[1].sizes[4], 0.35, 0.3333);
  expect(system.levels[1].sizes[5], std::sqrt(0.35 * 0.5), 1);
  expect(system.levels[5].sizes[5], std::sqrt(0.95), 1);
}

TEST(Anchors, Ssd300SizesGrowFromTheSmallerSquareToTheLarger) {
  const AnchorSystem caffe = ssd300_anchors(Ssd300Boxes::caffe_coco);
  const auto& level = caffe.levels[1].sizes;
  EXPECT_NEAR(level[0][0], 45, 1e-9);
  EXPECT_NEAR(level[1][0], std::sqrt(45 * 99.0), 1e-9);
  EXPECT_NEAR(level[2][1] / level[2][0], 2, 1e-9) << "lying first";
  EXPECT_NEAR(level[5][1] / level[5][0], 1 / 3.0, 1e-9);
  const AnchorSystem torchvision = ssd300_anchors(Ssd300Boxes::torchvision);
  double largest = 0;
  for (const auto& size : torchvision.levels[5].sizes)
    largest = std::max({largest, size[0], size[1]});
  EXPECT_EQ(largest, 300);
  EXPECT_GT(caffe.levels[5].sizes[2][1], 300);
}

TEST(Anchors, ProposalAnchorsKeepTheirAreaAndRatio) {
  const AnchorSystem system = rpn_anchors({.sizes = {{32, 64}}, .steps = {16}});
  ASSERT_EQ(system.levels[0].sizes.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    const auto [height, width] = system.levels[0].sizes[i];
    EXPECT_NEAR(std::sqrt(height * width), i < 3 ? 32 : 64, 1e-9);
    EXPECT_NEAR(height / width, (std::vector<double>{0.5, 1, 2})[i % 3], 1e-9);
  }
  const std::vector<Box> anchors = anchors_of(system, {{2, 2}}, {32, 32});
  EXPECT_EQ(anchors[1], (Box{-16, -16, 16, 16})) << "the first cell's centre is the corner";
  EXPECT_EQ(anchors[7], (Box{0, -16, 32, 16}));
  const AnchorSystem by_ratio = rpn_anchors({.sizes = {{32, 64}}, .steps = {16}, .ratios_innermost = false});
  EXPECT_EQ(by_ratio.levels[0].sizes[1], system.levels[0].sizes[3]);
}

TEST(Anchors, WholeOnesHaveWholeCornersAndSteps) {
  const AnchorSystem system = rpn_anchors({.sizes = {{512}}, .whole = true});
  const std::vector<Box> anchors = anchors_of(system, {{13, 13}}, {800, 800});
  EXPECT_EQ(anchors[0], (Box{-362, -181, 362, 181}));
  EXPECT_EQ(anchors[3].x1 - anchors[0].x1, 61) << "800 / 13 = 61.5";
}

TEST(Anchors, FaultsAreNamed) {
  const AnchorSystem system = ssd_mobilenet_anchors();
  EXPECT_THROW(anchors_of(system, {{19, 19}}, {300, 300}), Error);
  EXPECT_THROW(anchors_of(system, mobilenet_maps(300), {0, 300}), Error);
  EXPECT_THROW(anchors_of({.levels = {{.sizes = {{0, 1}}}}}, {{1, 1}}, {8, 8}), Error);
  EXPECT_THROW(anchors_of({.levels = {{.sizes = {{NAN, 1}}}}}, {{1, 1}}, {8, 8}), Error);
  EXPECT_THROW(anchors_of({.levels = {{.sizes = {{1, 1}}, .step = -1}}}, {{1, 1}}, {8, 8}), Error);
  EXPECT_THROW(anchors_of({.levels = {{.sizes = {{1, 1}}}}}, {{int64_t{1} << 40, int64_t{1} << 40}}, {8, 8}),
               Error);
  EXPECT_THROW(rpn_anchors({.sizes = {{8}, {16}}, .steps = {4}}), Error);
}

}  // namespace
}  // namespace vitrail
