#include "vitrail/detect/box_coding.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

void expect_near(const Box& found, const Box& expected, float tolerance) {
  EXPECT_NEAR(found.x1, expected.x1, tolerance);
  EXPECT_NEAR(found.y1, expected.y1, tolerance);
  EXPECT_NEAR(found.x2, expected.x2, tolerance);
  EXPECT_NEAR(found.y2, expected.y2, tolerance);
}

TEST(BoxCoding, DecodingTheCodeGivesTheBox) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    BoxCoding coding{.scales = {random.uniform(1, 10), random.uniform(1, 10), random.uniform(1, 10),
                                random.uniform(1, 10)},
                     .y_first = i % 2 == 0,
                     .largest_log = 100};
    const Box box = random_box(random, 600);
    Box anchor = random_box(random, 600);
    anchor.x2 += 1;
    anchor.y2 += 1;
    expect_near(decode(encode(box, anchor, coding), anchor, coding), box, 2e-3f);
  }
}

TEST(BoxCoding, TheOrderAndTheFormula) {
  const Box anchor{10, 20, 30, 60}, box{14, 28, 54, 48};  // anchor 20 wide, 40 high; box 40 wide, 20 high
  const BoxCoding tensorflow{};
  const auto code = encode(box, anchor, tensorflow);
  EXPECT_NEAR(code[0], (38 - 40) / 40.0 * 10, 1e-5);
  EXPECT_NEAR(code[1], (34 - 20) / 20.0 * 10, 1e-5);
  EXPECT_NEAR(code[2], std::log(0.5) * 5, 1e-5);
  EXPECT_NEAR(code[3], std::log(2.0) * 5, 1e-5);
  const auto xy = encode(box, anchor, {.y_first = false});
  EXPECT_EQ(xy, (std::array<float, 4>{code[1], code[0], code[3], code[2]}));
}

TEST(BoxCoding, LargeSizesAreCut) {
  const Box anchor{0, 0, 16, 16};
  const Box found = decode(std::array<float, 4>{0, 0, 1000, 1000}, anchor, BoxCoding{});
  EXPECT_NEAR(found.width(), 1000, 1e-2);
  EXPECT_NEAR(found.height(), 1000, 1e-2);
}

TEST(BoxCoding, BoxesOfNoSizeHaveFiniteCodes) {
  for (const Box& box : {Box{5, 5, 5, 5}, Box{9, 9, 5, 5}})
    for (const Box& anchor : {Box{0, 0, 10, 10}, Box{3, 3, 3, 3}})
      for (const float value : encode(box, anchor, BoxCoding{}))
        EXPECT_TRUE(std::isfinite(value));
}

TEST(BoxCoding, CodesOfEveryClass) {
  const std::vector<Box> anchors{{0, 0, 10, 10}, {10, 10, 30, 20}};
  const std::vector<float> codes{0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const BoxCoding coding{};
  const std::vector<Box> boxes = decode_all(codes, anchors, coding);
  ASSERT_EQ(boxes.size(), 4u);
  EXPECT_EQ(boxes[0], anchors[0]);
  EXPECT_EQ(boxes[1], (Box{0, 1, 10, 11}));
  EXPECT_EQ(boxes[2], (Box{12, 10, 32, 20}));
  EXPECT_EQ(boxes[3], anchors[1]);
  EXPECT_THROW(decode_all(std::vector<float>(7), anchors, coding), Error);
  EXPECT_THROW(decode_all(std::vector<float>(4), {}, coding), Error);
  EXPECT_THROW(decode_all(std::vector<float>{0, 0, NAN, 0, 0, 0, 0, 0}, anchors, coding), Error);
  EXPECT_TRUE(decode_all({}, {}, coding).empty());
}

TEST(Box, Overlaps) {
  EXPECT_EQ(iou({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_EQ(iou({0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_NEAR(iou({0, 0, 10, 10}, {5, 0, 15, 10}), 1 / 3.0, 1e-7);
  EXPECT_EQ(iou({5, 5, 5, 5}, {5, 5, 5, 5}), 0);
  EXPECT_EQ(iou({10, 10, 0, 0}, {10, 10, 0, 0}), 0) << "turned inside out";
  EXPECT_EQ(clipped({-5, 3, 50, 90}, 40, 30), (Box{0, 3, 40, 30}));
  EXPECT_EQ(clipped({50, -9, 60, -3}, 40, 30), (Box{40, 0, 40, 0}));
  EXPECT_EQ(scaled({1, 2, 3, 4}, 2, 0.5), (Box{2, 1, 6, 2}));
  const std::vector<Box> boxes{{0, 0, 1, 1}, {0, INFINITY, 1, 1}};
  EXPECT_NO_THROW(require_finite({boxes.data(), 1}, "here"));
  try {
    require_finite(boxes, "here");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::numeric);
    EXPECT_NE(std::string(error.what()).find("box 1"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail
