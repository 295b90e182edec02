#include "vitrail/detect/branches.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/roi.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

constexpr Extent image{640, 640};

SsdSystem system_of(SsdSystem::Choice choice, const std::vector<std::pair<int64_t, int64_t>>& shapes,
                    bool last_resizes, int64_t most = 30) {
  SsdSystem system{.choice = choice};
  for (const auto& [height, width] : shapes)
    system.branches.push_back({.height = height,
                               .width = width,
                               .resizes = choice == SsdSystem::Choice::largest_not_exceeding,
                               .most_boxes = most});
  system.branches.back().resizes = system.branches.back().resizes || last_resizes;
  return system;
}

const std::vector<std::pair<int64_t, int64_t>> multi_shape{{15, 10}, {9, 4}, {7, 3}, {6, 3}, {5, 2},
                                                           {4, 2},   {3, 2}, {2, 2}, {2, 1}, {1, 1}};

// A box that touches h x w cells from cell (y, x) on.
Box over(int64_t y, int64_t x, int64_t h, int64_t w) {
  return {static_cast<float>(32 * x + 3), static_cast<float>(32 * y + 1),
          static_cast<float>(32 * (x + w) - 5), static_cast<float>(32 * (y + h) - 2)};
}

TEST(Branches, EncompassingCells) {
  EXPECT_EQ(encompassing_cells({33, 64, 95, 97}, image), (Cells{2, 1, 2, 2}));
  EXPECT_EQ(encompassing_cells({0, 0, 640, 640}, image), (Cells{0, 0, 20, 20}));
  EXPECT_EQ(encompassing_cells({64, 64, 96, 96}, image), (Cells{2, 2, 1, 1}))
      << "whole cells touch no others";
  EXPECT_EQ(encompassing_cells({64, 64, 64, 64}, image), (Cells{2, 2, 1, 1})) << "at least one";
  EXPECT_EQ(encompassing_cells({-900, 700, -800, 900}, image), (Cells{19, 0, 1, 1})) << "the nearest one";
  EXPECT_EQ(encompassing_cells({640, 640, 640, 640}, image), (Cells{19, 19, 1, 1}));
  EXPECT_EQ(encompassing_cells({0, 0, 300, 300}, {300, 300}), (Cells{0, 0, 10, 10}))
      << "sides that do not divide";
  EXPECT_EQ(encompassing_cells({33, 17, 95, 47}, 16, {40, 40}), (Cells{1, 2, 2, 4}));
  EXPECT_THROW(encompassing_cells({NAN, 0, 1, 1}, image), Error);
  EXPECT_THROW(encompassing_cells({0, 0, 1, 1}, {0, 640}), Error);
}

TEST(Branches, EncompassingCellsContainTheBoxAndNoMore) {
  Random random(18);
  for (int i = 0; i < 500; ++i) {
    const Box box = random_box(random, 640, i % 2 == 0 ? 32 : 0);
    const Box region = outline(encompassing_cells(box, image));
    EXPECT_LE(region.x1, box.x1 < 640 ? box.x1 : 640 - 1);
    EXPECT_LE(region.y1, box.y1 < 640 ? box.y1 : 640 - 1);
    EXPECT_GE(region.x2, box.x2);
    EXPECT_GE(region.y2, box.y2);
    EXPECT_LT(region.width(), std::max(box.width(), 1.0f) + 64);
    if (box.width() > 0) {
      EXPECT_LT(box.x1, region.x1 + 32);
      EXPECT_GT(box.x2, region.x2 - 32);
    }
  }
}

TEST(Branches, TheLargestShapeThatDoesNotExceedTheBox) {
  const SsdSystem system = system_of(SsdSystem::Choice::largest_not_exceeding, multi_shape, true);
  const auto branch = [&](int64_t h, int64_t w) { return branch_of(over(0, 0, h, w), system, image); };
  EXPECT_EQ(branch(20, 20), 0);
  EXPECT_EQ(branch(15, 10), 0);
  EXPECT_EQ(branch(14, 10), 1);
  EXPECT_EQ(branch(15, 9), 1);
  EXPECT_EQ(branch(9, 3), 2);
  EXPECT_EQ(branch(8, 4), 2);
  EXPECT_EQ(branch(6, 3), 3);
  EXPECT_EQ(branch(20, 1), 8);
  EXPECT_EQ(branch(1, 20), 9);
  EXPECT_EQ(branch(2, 2), 7);
  EXPECT_EQ(branch(1, 1), 9);
  // The rule itself, for every shape there is.
  for (int64_t h = 1; h <= 20; ++h)
    for (int64_t w = 1; w <= 20; ++w) {
      size_t first = 0;
      while (multi_shape[first].first > h || multi_shape[first].second > w)
        ++first;
      EXPECT_EQ(branch(h, w), static_cast<int64_t>(first)) << h << "x" << w;
    }
}

TEST(Branches, ExactShapesDropOthersOrLeaveThemToTheLast) {
  const std::vector<std::pair<int64_t, int64_t>> shapes{{7, 2}, {3, 2}, {14, 14}};
  const SsdSystem dropping = system_of(SsdSystem::Choice::exact, shapes, false);
  const SsdSystem resizing = system_of(SsdSystem::Choice::exact, shapes, true);
  EXPECT_EQ(branch_of(over(1, 1, 7, 2), dropping, image), 0);
  EXPECT_EQ(branch_of(over(1, 1, 2, 7), dropping, image), -1);
  EXPECT_EQ(branch_of(over(1, 1, 2, 7), resizing, image), 2);
  EXPECT_EQ(branch_of(over(1, 1, 3, 2), resizing, image), 1);
  EXPECT_EQ(branch_of(over(0, 0, 14, 14), dropping, image), 2);
  EXPECT_EQ(branch_of(over(0, 0, 1, 1), system_of(SsdSystem::Choice::single, {{10, 10}}, true), image), 0);
  EXPECT_EQ(branch_of(over(0, 0, 1, 1), SsdSystem{}, image), -1) << "boxes alone";
}

TEST(Branches, EveryBranchTakesItsFirstBoxes) {
  const SsdSystem system = system_of(SsdSystem::Choice::exact, {{2, 1}, {1, 1}}, false, 3);
  std::vector<Box> boxes;
  for (int64_t i = 0; i < 10; ++i)
    boxes.push_back(over(i, i, i % 2 == 0 ? 2 : 1, 1));
  boxes.push_back(over(0, 0, 3, 3));
  using Of = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(assign_branches(boxes, system, image), (Of{{0, 2, 4}, {1, 3, 5}}));
  EXPECT_EQ(assign_branches(boxes, system, image, false), (Of{{0, 2, 4, 6, 8}, {1, 3, 5, 7, 9}}));
}

TEST(Branches, FittingCropsAreCopies) {
  Random random(19);
  for (const auto& [stride, cells] : std::vector<std::pair<int64_t, int64_t>>{{32, 20}, {16, 40}, {8, 80}}) {
    const Tensor map = random_map(random, {2, 3, cells, cells});
    const BranchSystem branch{.name = "b", .height = 4, .width = 2, .resizes = false};
    const std::vector<Box> regions{outline({3, 5, 4, 2}), outline({16, 18, 4, 2})};
    const std::vector<int64_t> images{1, 0};
    const Tensor crops = branch_crops(map, stride, regions, images, branch, image);
    const int64_t times = 32 / stride, h = 4 * times, w = 2 * times;
    ASSERT_EQ(crops.shape(), (Shape{2, 3, h, w}));
    for (int64_t r = 0; r < 2; ++r)
      for (int64_t c = 0; c < 3; ++c)
        for (int64_t y = 0; y < h; ++y)
          for (int64_t x = 0; x < w; ++x) {
            const int64_t top = (r == 0 ? 3 : 16) * times, left = (r == 0 ? 5 : 18) * times;
            EXPECT_EQ(crops.data<float>()[static_cast<size_t>(((r * 3 + c) * h + y) * w + x)],
                      map.data<float>()[static_cast<size_t>(
                          ((images[static_cast<size_t>(r)] * 3 + c) * cells + top + y) * cells + left + x)]);
          }
  }
}

TEST(Branches, OtherCropsAreResized) {
  Random random(20);
  const Tensor map = random_map(random, {1, 3, 40, 40});
  const BranchSystem branch{.name = "b", .height = 4, .width = 2};
  const std::vector<Box> regions{outline({3, 5, 4, 2}), outline({3, 5, 5, 2}), {17, 33, 101, 215}};
  const Tensor crops = branch_crops(map, 16, regions, {}, branch, image);
  const Tensor resized = crop_and_pool(map, regions, {}, {8, 4}, image);
  const int64_t each = 3 * 8 * 4;
  const auto same = [&](int64_t r) {
    return std::equal(crops.data<float>().begin() + r * each, crops.data<float>().begin() + (r + 1) * each,
                      resized.data<float>().begin() + r * each);
  };
  EXPECT_FALSE(same(0)) << "it fits: a copy";
  EXPECT_TRUE(same(1));
  EXPECT_TRUE(same(2));
  const BranchSystem strict{.name = "strict", .height = 4, .width = 2, .resizes = false};
  EXPECT_THROW(branch_crops(map, 16, regions, {}, strict, image), Error);
  EXPECT_THROW(branch_crops(map, 12, regions, {}, branch, image), Error);
  EXPECT_THROW(branch_crops(map, 16, std::vector<Box>{{0, 0, NAN, 1}}, {}, branch, image), Error);
}

TEST(Branches, CellsBeyondTheMapAreZero) {
  // A side of 300: 10 cells of 32, but 19 of 16.
  const Tensor ones = Tensor::from<float>({1, 1, 19, 19}, std::vector<float>(361, 1.0f));
  const BranchSystem branch{.height = 1, .width = 1, .resizes = false};
  const Tensor crop = branch_crops(ones, 16, std::vector<Box>{outline({9, 9, 1, 1})}, {}, branch, {300, 300});
  EXPECT_EQ(std::vector<float>(crop.data<float>().begin(), crop.data<float>().end()),
            (std::vector<float>{1, 0, 0, 0}));
}

TEST(Branches, RegionsOfBoxes) {
  SsdSystem system{};
  EXPECT_EQ(region_of({33, 64, 95, 97}, system, image), (Box{32, 64, 96, 128}));
  system.encompassing = false;
  EXPECT_EQ(region_of({33, 64, 95, 97}, system, image), (Box{33, 64, 95, 97}));
}

TEST(Branches, BoxCoverageIsTheShareOfEveryCell) {
  Random random(21);
  const std::vector<Box> boxes{{40, 32, 64, 80}};
  const std::vector<Box> regions{{32, 32, 96, 96}};
  const Tensor shares = box_coverage(boxes, regions, {2, 2});
  EXPECT_EQ(std::vector<float>(shares.data<float>().begin(), shares.data<float>().end()),
            (std::vector<float>{0.75f, 0, 0.375f, 0}));
  for (int i = 0; i < 50; ++i) {
    const std::vector<Box> one{random_box(random, 640)};
    const std::vector<Box> around{outline(encompassing_cells(one[0], image))};
    const Tensor of = box_coverage(one, around, {random.integer(1, 9), random.integer(1, 9)});
    double sum = 0;
    for (const float share : of.data<float>()) {
      EXPECT_GE(share, 0);
      EXPECT_LE(share, 1);
      sum += static_cast<double>(share);
    }
    EXPECT_NEAR(sum / static_cast<double>(of.elements()),
                static_cast<double>(one[0].area()) / static_cast<double>(around[0].area()), 1e-4);
  }
  EXPECT_THROW(box_coverage(boxes, {}, {2, 2}), Error);
}

}  // namespace
}  // namespace vitrail
