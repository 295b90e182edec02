// Boxes, codes, scores and thresholds of any value: every function gives a result that keeps its promises, or
// throws Error.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/nms.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/roi.h"
#include "vitrail/detect/sampling.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

float wild(Random& random, bool finite) {
  const float most = std::numeric_limits<float>::max();
  switch (random.integer(0, finite ? 9 : 13)) {
    case 0: return 0;
    case 1: return most;
    case 2: return -most;
    case 3: return std::numeric_limits<float>::denorm_min();
    case 4: return static_cast<float>(std::exp2(random.uniform(-140, 127)));
    case 5: return static_cast<float>(-std::exp2(random.uniform(-140, 127)));
    case 6: return static_cast<float>(32 * random.integer(-2, 22));
    case 10: return std::numeric_limits<float>::infinity();
    case 11: return -std::numeric_limits<float>::infinity();
    case 12: return std::numeric_limits<float>::quiet_NaN();
    default: return static_cast<float>(random.uniform(-100, 740));
  }
}

std::vector<Box> wild_boxes(Random& random, int64_t count, bool finite) {
  std::vector<Box> boxes;
  for (int64_t i = 0; i < count; ++i)
    boxes.push_back({wild(random, finite), wild(random, finite), wild(random, finite), wild(random, finite)});
  return boxes;
}

std::vector<float> wild_values(Random& random, int64_t count, bool finite) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(wild(random, finite));
  return values;
}

// How many of the calls gave a result.
class Garbage : public testing::Test {
 protected:
  template <class Body>
  void call(const Body& body) {
    try {
      body();
      ++passed;
    } catch (const Error& error) {
      ++refused;
      EXPECT_FALSE(std::string(error.what()).empty());
    }
  }
  void expect_both() const {
    EXPECT_GT(passed, 50);
    EXPECT_GT(refused, 50);
  }
  Random random{99};
  int passed = 0, refused = 0;
};

TEST_F(Garbage, Suppression) {
  for (int i = 0; i < 400; ++i) {
    const bool finite = i % 2 == 0;
    const int64_t count = random.integer(0, 20);
    const std::vector<Box> boxes = wild_boxes(random, count, finite);
    const std::vector<float> scores = wild_values(random, count, finite);
    const double threshold = static_cast<double>(wild(random, true)) / (i % 3 == 0 ? 700 : 1);
    call([&] {
      const std::vector<int64_t> kept = suppress(boxes, scores, threshold);
      if (count > 0 && threshold < 1e6) {
        EXPECT_FALSE(kept.empty()) << "the best one always stays";
      }
    });
  }
  expect_both();
}

TEST_F(Garbage, Choice) {
  const std::vector<Box> anchors = random_boxes(random, 20, 640);
  for (int i = 0; i < 400; ++i) {
    const Tensor codes = Tensor::from<float>({20, 4}, wild_values(random, 80, i % 2 == 0));
    const Tensor scores = Tensor::from<float>({20, 2}, wild_values(random, 40, i % 4 < 2));
    call([&] {
      for (const Detection& found :
           choose_boxes(codes, scores, anchors, {.largest_log = 80}, {}, {480, 640})) {
        EXPECT_GE(found.box.x1, 0);
        EXPECT_GE(found.box.y1, 0);
        EXPECT_LE(found.box.x2, 640);
        EXPECT_LE(found.box.y2, 480);
        EXPECT_GT(found.box.area(), 0);
      }
    });
  }
  expect_both();
}

TEST_F(Garbage, Matching) {
  for (int i = 0; i < 300; ++i) {
    const std::vector<Box> anchors = wild_boxes(random, 12, i % 2 == 0),
                           objects = wild_boxes(random, 5, i % 2 == 0);
    call([&] {
      for (const auto& match : {match_best(anchors, objects), match_bipartite(anchors, objects),
                                match_thresholds(anchors, objects, {})})
        for (const int64_t object : match) {
          EXPECT_GE(object, ignored);
          EXPECT_LT(object, 5);
        }
    });
  }
  expect_both();
}

TEST_F(Garbage, Crops) {
  const Tensor map = random_map(random, {1, 2, 20, 20});
  const BranchSystem branch{.height = 2, .width = 3};
  for (int i = 0; i < 400; ++i) {
    const std::vector<Box> boxes = wild_boxes(random, i % 5 == 0 ? 1 : 2, i % 2 == 0);
    const auto bounded = [&](const Tensor& crops) {
      for (const float value : crops.data<float>())
        EXPECT_LE(std::abs(value), 1.001f) << "averages and maxima of values between -1 and 1";
    };
    call([&] { bounded(roi_align(map, boxes, {}, {.height = 2, .width = 3, .spatial_scale = 1.0 / 32})); });
    call([&] {
      bounded(roi_align(map, boxes, {}, {.height = 2, .width = 3, .sampling_ratio = 2, .aligned = false}));
    });
    call([&] { bounded(roi_pool(map, boxes, {}, {2, 3}, 1.0 / 32)); });
    call([&] { bounded(crop_and_pool(map, boxes, {}, {2, 3}, {640, 640})); });
    call([&] { bounded(branch_crops(map, 32, boxes, {}, branch, {640, 640})); });
    call([&] { bounded(box_coverage(boxes, boxes, {2, 3})); });
    call([&] {
      for (const Box& box : boxes) {
        const Cells cells = encompassing_cells(box, {640, 640});
        EXPECT_TRUE(cells.y >= 0 && cells.x >= 0 && cells.height >= 1 && cells.width >= 1);
        EXPECT_TRUE(cells.y + cells.height <= 20 && cells.x + cells.width <= 20);
      }
    });
  }
  expect_both();
}

TEST_F(Garbage, Pasting) {
  for (int i = 0; i < 600; ++i) {
    const std::vector<Box> boxes = wild_boxes(random, 2, i % 2 == 0);
    const std::vector<float> values = wild_values(random, 12, i % 4 < 2);
    const PasteOptions options{
        .threshold = static_cast<double>(wild(random, true)), .fades = i % 3 == 0, .torchvision = i % 5 == 0};
    const Extent picture{random.integer(0, 50), random.integer(0, 50)};
    call([&] {
      const Rle rle = paste_rle(values, {3, 4}, boxes[0], boxes[1], picture, options);
      int64_t sum = 0;
      for (const uint32_t count : rle.counts)
        sum += count;
      EXPECT_EQ(sum, picture.height * picture.width);
      EXPECT_EQ(rle, encode_rle(paste_mask(values, {3, 4}, boxes[0], boxes[1], picture, options)));
    });
    const Mask mask(picture.height, picture.width, 1);
    call([&] {
      for (const float share : crop_mask(mask, boxes[0], {3, 4})) {
        EXPECT_GE(share, 0);
        EXPECT_LE(share, 1.001f);
      }
    });
  }
  expect_both();
}

TEST_F(Garbage, Sampling) {
  for (int i = 0; i < 300; ++i) {
    std::vector<int64_t> match;
    for (int64_t a = 0; a < 20; ++a)
      match.push_back(random.integer(-3, 4));
    const std::vector<float> losses = wild_values(random, 20, i % 2 == 0);
    const double ratio = static_cast<double>(wild(random, false));
    call([&] { EXPECT_LE(hard_negatives(losses, match, ratio).negatives.size(), 20u); });
    call([&] {
      EXPECT_LE(balanced_sample(match, random.integer(-5, 40), ratio, random).objects.size(), 20u);
    });
    call([&] {
      EXPECT_LE(
          balanced_sample(match, random.integer(-5, 40), random.uniform(-1, 2), random).negatives.size(),
          20u);
    });
    call([&] {
      mined_by_suppression(
          losses, wild_boxes(random, 20, i % 2 == 0), match,
          {.iou_threshold = static_cast<double>(wild(random, false)), .most = random.integer(-2, 30)});
    });
  }
  expect_both();
}

}  // namespace
}  // namespace vitrail
