#include "vitrail/train/crops.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/roi.h"
#include "vitrail/detect/test_boxes.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/roi_align.h"

namespace vitrail::train {
namespace {

constexpr Extent image{256, 320};
const BranchSystem branch{.height = 2, .width = 3};

struct Case {
  at::Tensor map = torch::randn({2, 5, 16, 20}).requires_grad_();
  std::vector<Box> boxes;
  std::vector<int64_t> images;

  Case() {
    Random random(28);
    boxes = random_boxes(random, 7, 256);
    boxes.push_back(outline({1, 2, 2, 3}));
    for (size_t i = 0; i < boxes.size(); ++i)
      images.push_back(random.integer(0, 1));
  }
};

void expect_same(const at::Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.sizes().vec(), expected.shape());
  EXPECT_TRUE(at::equal(found.detach(), to_torch(expected))) << "bit for bit";
}

TEST(Crops, ValuesAreThoseOfPrediction) {
  const Case c;
  const Tensor map = from_torch(c.map.detach());
  const op::RoiAlign op{.height = 3, .width = 4, .spatial_scale = 1.0 / 16};
  expect_same(roi_align(c.map, c.boxes, c.images, op), vitrail::roi_align(map, c.boxes, c.images, op));
  expect_same(crop_and_pool(c.map, c.boxes, c.images, {3, 4}, image),
              vitrail::crop_and_pool(map, c.boxes, c.images, {3, 4}, image));
  expect_same(branch_crops(c.map, 16, c.boxes, c.images, branch, image),
              vitrail::branch_crops(map, 16, c.boxes, c.images, branch, image));
}

// The operator of graphs has gradients of its own: sample by sample, in double.
TEST(Crops, RoiAlignsGradientIsTheOperators) {
  const Case c;
  std::vector<double> corners;
  for (const Box& box : c.boxes)
    for (const float value : {box.x1, box.y1, box.x2, box.y2})
      corners.push_back(static_cast<double>(value));
  for (const bool aligned : {false, true})
    for (const int64_t ratio : {0, 2}) {
      const op::RoiAlign op{
          .height = 3, .width = 4, .sampling_ratio = ratio, .spatial_scale = 1.0 / 16, .aligned = aligned};
      const at::Tensor ours = roi_align(c.map, c.boxes, c.images, op);
      const at::Tensor theirs = roi_align(op, c.map, torch::tensor(corners, at::kDouble).view({-1, 4}),
                                          torch::tensor(c.images, at::kLong));
      EXPECT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-5));
      const at::Tensor weights = torch::randn(ours.sizes());
      const at::Tensor our_gradient = torch::autograd::grad({(ours * weights).sum()}, {c.map})[0];
      const at::Tensor their_gradient = torch::autograd::grad({(theirs * weights).sum()}, {c.map})[0];
      EXPECT_TRUE(at::allclose(our_gradient, their_gradient, 1e-4, 1e-5));
      EXPECT_GT(our_gradient.abs().max().item<double>(), 0);
    }
}

// LibTorch's own sampler and maximum, where the crop lies inside of the map.
TEST(Crops, CropAndPoolsGradientIsThatOfASampledGrid) {
  const at::Tensor map = torch::randn({1, 5, 16, 20}).requires_grad_();
  const std::vector<Box> box{{32.5, 20, 270, 201}};
  std::vector<double> grid;
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 8; ++x)
      grid.insert(grid.end(), {2 * (32.5 + static_cast<double>(x) * (270 - 32.5) / 7) / 320 - 1,
                               2 * (20 + static_cast<double>(y) * (201 - 20) / 5) / 256 - 1});
  const at::Tensor at = torch::tensor(grid, at::kDouble).view({1, 6, 8, 2}).to(at::kFloat);
  const at::Tensor theirs = at::max_pool2d(at::grid_sampler(map, at, 0, 0, true), {2, 2});
  const at::Tensor ours = crop_and_pool(map, box, {}, {3, 4}, image);
  ASSERT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-4));
  const at::Tensor weights = torch::randn(ours.sizes());
  EXPECT_TRUE(at::allclose(torch::autograd::grad({(ours * weights).sum()}, {map})[0],
                           torch::autograd::grad({(theirs * weights).sum()}, {map})[0], 1e-3, 1e-3));
}

TEST(Crops, CopiesPassTheirGradientOn) {
  const at::Tensor map = torch::randn({1, 2, 16, 20}).requires_grad_();
  const std::vector<Box> region{outline({1, 2, 2, 3})};
  branch_crops(map, 16, region, {}, branch, image).sum().backward();
  const at::Tensor expected = at::zeros_like(map);
  expected.slice(2, 2, 6).slice(3, 4, 10).fill_(1);
  EXPECT_TRUE(at::equal(map.grad(), expected));
}

TEST(Crops, OtherTypesAreConverted) {
  const at::Tensor map = torch::randn({1, 2, 16, 20}, at::kDouble).requires_grad_();
  const std::vector<Box> box{{10, 20, 200, 150}};
  const at::Tensor crops = crop_and_pool(map, box, {}, {3, 4}, image);
  EXPECT_EQ(crops.scalar_type(), at::kDouble);
  crops.sum().backward();
  EXPECT_EQ(map.grad().scalar_type(), at::kDouble);
  EXPECT_NEAR(map.grad().sum().item<double>(), 24, 1e-4);
}

TEST(Crops, FaultsAreNamed) {
  const at::Tensor map = torch::randn({1, 2, 16, 20});
  const std::vector<Box> bad{{10, NAN, 200, 150}};
  EXPECT_THROW(crop_and_pool(map, bad, {}, {3, 4}, image), Error);
  EXPECT_THROW(crop_and_pool(map[0], std::vector<Box>{{0, 0, 1, 1}}, {}, {3, 4}, image), Error);
}

}  // namespace
}  // namespace vitrail::train
