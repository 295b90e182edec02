#include "vitrail/detect/paste.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/roi.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

// Bilinear between the values' centres, which are spread over the region; zeros around them, or the last
// value.
double value_at(const std::vector<float>& values, Extent grid, double v, double u, bool fades) {
  const auto value = [&](int64_t y, int64_t x) {
    if (fades && (y < 0 || x < 0 || y >= grid.height || x >= grid.width)) return 0.0;
    y = std::clamp<int64_t>(y, 0, grid.height - 1);
    x = std::clamp<int64_t>(x, 0, grid.width - 1);
    return static_cast<double>(values[static_cast<size_t>(y * grid.width + x)]);
  };
  const auto y = static_cast<int64_t>(std::floor(v)), x = static_cast<int64_t>(std::floor(u));
  const double down = v - static_cast<double>(y), across = u - static_cast<double>(x);
  return (1 - down) * ((1 - across) * value(y, x) + across * value(y, x + 1)) +
         down * ((1 - across) * value(y + 1, x) + across * value(y + 1, x + 1));
}

// Pixel after pixel. -1 where the value is so near the threshold that rounding decides.
int naive_pixel(const std::vector<float>& values, Extent grid, const Box& region, const Box& inside,
                int64_t y, int64_t x, const PasteOptions& options) {
  const double cy = static_cast<double>(y) + 0.5, cx = static_cast<double>(x) + 0.5;
  for (const Box& box : {inside, options.fades ? region : inside})
    if (cx < static_cast<double>(box.x1) || cx >= static_cast<double>(box.x2) ||
        cy < static_cast<double>(box.y1) || cy >= static_cast<double>(box.y2))
      return 0;
  const double v = (cy - static_cast<double>(region.y1)) / static_cast<double>(region.y2 - region.y1) *
                       static_cast<double>(grid.height) -
                   0.5;
  const double u = (cx - static_cast<double>(region.x1)) / static_cast<double>(region.x2 - region.x1) *
                       static_cast<double>(grid.width) -
                   0.5;
  const double value = value_at(values, grid, v, u, options.fades) - options.threshold;
  return std::abs(value) < 1e-4 ? -1 : value > 0 ? 1 : 0;
}

TEST(Paste, EqualsTheDefinitionPixelByPixel) {
  Random random(22);
  int64_t set = 0, clear = 0, undecided = 0;
  for (int i = 0; i < 400; ++i) {
    const Extent grid{random.integer(1, 9), random.integer(1, 9)},
        picture{random.integer(1, 40), random.integer(1, 40)};
    const bool logits = i % 2 == 0;
    const std::vector<float> values =
        random_values(random, grid.height * grid.width, logits ? -3 : 0, logits ? 3 : 1);
    Box region = random_box(random, 60);
    region = {region.x1 - 10, region.y1 - 10, region.x2 - 10, region.y2 - 10};
    const Box inside = i % 3 == 0 ? region : random_box(random, 40);
    const PasteOptions options{.threshold = logits ? 0.0 : 0.5, .fades = i % 4 < 2};
    const Mask mask = paste_mask(values, grid, region, inside, picture, options);
    ASSERT_EQ(mask.height, picture.height);
    ASSERT_EQ(mask.width, picture.width);
    for (int64_t y = 0; y < picture.height; ++y)
      for (int64_t x = 0; x < picture.width; ++x) {
        const int expected = naive_pixel(values, grid, region, inside, y, x, options);
        (expected < 0 ? undecided : expected == 1 ? set : clear) += 1;
        if (expected >= 0) {
          ASSERT_EQ(mask.at(y, x), expected) << i << ": " << y << "," << x;
        }
      }
  }
  EXPECT_GT(set, 5000);
  EXPECT_GT(clear, 5000);
  EXPECT_LT(undecided, 100);
}

TEST(Paste, RunLengthsAndWindowAreTheSameMask) {
  Random random(23);
  for (int i = 0; i < 200; ++i) {
    const Extent grid{random.integer(1, 9), random.integer(1, 9)},
        picture{random.integer(0, 40), random.integer(0, 40)};
    const std::vector<float> values =
        random_values(random, grid.height * grid.width, i % 5 == 0 ? 0.9 : 0, 1);
    const Box region = i % 7 == 0 ? Box{-5, -5, 60, 60} : random_box(random, 50);
    const PasteOptions options{.fades = i % 2 == 0, .torchvision = i % 3 == 0};
    const Mask mask = paste_mask(values, grid, region, region, picture, options);
    const Rle rle = paste_rle(values, grid, region, region, picture, options);
    EXPECT_EQ(rle, encode_rle(mask));
    const PastedMask window = paste_window(values, grid, region, region, picture, options);
    Mask placed(picture.height, picture.width);
    for (int64_t y = 0; y < window.mask.height; ++y)
      for (int64_t x = 0; x < window.mask.width; ++x)
        placed.at(window.y + y, window.x + x) = window.mask.at(y, x);
    EXPECT_EQ(placed.pixels, mask.pixels);
  }
}

TEST(Paste, AFullMaskFillsItsBox) {
  const std::vector<float> ones(28 * 28, 1.0f);
  const Mask mask = paste_mask(ones, {28, 28}, {3, 4, 13, 24}, {3, 4, 13, 24}, {30, 30});
  for (int64_t y = 0; y < 30; ++y)
    for (int64_t x = 0; x < 30; ++x)
      EXPECT_EQ(mask.at(y, x), x >= 3 && x < 13 && y >= 4 && y < 24 ? 1 : 0);
  // Logits of 0 are a probability of a half.
  const std::vector<float> zeros(4, 0.0f);
  EXPECT_EQ(area(paste_rle(zeros, {2, 2}, {3, 4, 13, 24}, {3, 4, 13, 24}, {30, 30}, {.threshold = 0})), 200);
}

TEST(Paste, MasksOutsideAndOfNoSizeAreEmpty) {
  const std::vector<float> ones(4, 1.0f);
  for (const Box& box : {Box{50, 50, 60, 60}, Box{-20, -20, -1, -1}, Box{5, 5, 5, 5}, Box{9, 9, 4, 4}}) {
    EXPECT_EQ(area(paste_rle(ones, {2, 2}, box, box, {30, 30})), 0);
    EXPECT_TRUE(paste_window(ones, {2, 2}, box, box, {30, 30}).mask.pixels.empty());
  }
  EXPECT_EQ(area(paste_rle(ones, {2, 2}, {0, 0, 20, 20}, {25, 25, 28, 28}, {30, 30})), 0) << "no common part";
  EXPECT_THROW(paste_mask(ones, {2, 3}, {0, 0, 1, 1}, {0, 0, 1, 1}, {4, 4}), Error);
  EXPECT_THROW(paste_mask(ones, {0, 0}, {0, 0, 1, 1}, {0, 0, 1, 1}, {4, 4}), Error);
  EXPECT_THROW(paste_mask(ones, {2, 2}, {0, NAN, 1, 1}, {0, 0, 1, 1}, {4, 4}), Error);
  EXPECT_THROW(paste_mask(ones, {2, 2}, {0, 0, 1, 1}, {0, 0, INFINITY, 1}, {4, 4}), Error);
}

TEST(Paste, ValuesThatAreNotNumbersAreClear) {
  const std::vector<float> values(9, NAN);
  EXPECT_EQ(area(paste_rle(values, {3, 3}, {0, 0, 20, 20}, {0, 0, 20, 20}, {30, 30})), 0);
}

TEST(Paste, TorchvisionsBoxesAreWholePixels) {
  // A mask of 2x2 ones in a frame of zeros over the box 0..8, twice as large: -4 to 12, of which 0 to 8 is
  // ours.
  const std::vector<float> ones(4, 1.0f);
  const Mask mask = paste_mask(ones, {2, 2}, {4, 4, 12, 12}, {4, 4, 12, 12}, {16, 16}, {.torchvision = true});
  // 17 pixels for 4 values: the value of a half is crossed at 4.25 and 12.75 of 0..17.
  for (int64_t i = 0; i < 16; ++i)
    EXPECT_EQ(mask.at(8, i), i >= 4 && i < 13 ? 1 : 0) << i;
}

TEST(Paste, AHalfIsEnoughButNotForTorchvision) {
  const std::vector<float> halves(9, 0.5f);
  const Box box{0, 0, 9, 9};
  EXPECT_EQ(area(paste_rle(halves, {3, 3}, box, box, {9, 9}, {.fades = false})), 81);
  EXPECT_EQ(area(paste_rle(halves, {3, 3}, box, box, {9, 9}, {.torchvision = true})), 0);
}

TEST(CropMask, EqualsRoiAlignOfTheMask) {
  Random random(24);
  for (int i = 0; i < 60; ++i) {
    Mask mask(random.integer(1, 40), random.integer(1, 40));
    for (uint8_t& pixel : mask.pixels)
      pixel = random.chance(0.5) ? 1 : 0;
    const std::vector<float> values(mask.pixels.begin(), mask.pixels.end());
    const Tensor map = Tensor::from<float>({1, 1, mask.height, mask.width}, values);
    const Extent grid{random.integer(1, 9), random.integer(1, 9)};
    const Box region = i % 5 == 0 ? Box{-8, -8, 60, 50} : random_box(random, 50);
    const std::vector<float> crop = crop_mask(mask, region, grid);
    const Tensor expected =
        roi_align(map, std::vector<Box>{region}, {}, {.height = grid.height, .width = grid.width});
    ASSERT_EQ(std::ssize(crop), expected.elements());
    for (size_t k = 0; k < crop.size(); ++k)
      EXPECT_NEAR(crop[k], expected.data<float>()[k], 1e-5);
  }
}

TEST(CropMask, WholePixelsAreAveraged) {
  Mask mask(4, 4);
  mask.at(0, 0) = mask.at(0, 1) = mask.at(1, 0) = 1;
  mask.at(3, 3) = 1;
  EXPECT_EQ(crop_mask(mask, {0, 0, 4, 4}, {2, 2}), (std::vector<float>{0.75f, 0, 0, 0.25f}));
  EXPECT_EQ(crop_mask(mask, {10, 10, 20, 20}, {2, 2}), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(crop_mask(mask, {1, 1, 1, 1}, {1, 1}), (std::vector<float>{0}));
  EXPECT_NO_THROW(crop_mask(Mask(3, 3, 1), {0, 0, 100000, 100000}, {1, 1})) << "more pixels than samples";
  EXPECT_THROW(crop_mask(mask, {0, 0, NAN, 4}, {2, 2}), Error);
  EXPECT_THROW(crop_mask(mask, {0, 0, 4, 4}, {0, 2}), Error);
}

// What a branch should say, pasted where it was cut, is the mask again: up to the size of a value.
TEST(CropMask, PastingTheCropGivesTheMaskBack) {
  Mask disc(120, 160);
  for (int64_t y = 0; y < 120; ++y)
    for (int64_t x = 0; x < 160; ++x)
      disc.at(y, x) = std::hypot(static_cast<double>(y) - 60, static_cast<double>(x) - 80) < 40 ? 1 : 0;
  for (const Box& region : {Box{40, 20, 121, 101}, Box{32, 0, 128, 120}}) {
    const Mask again = paste_mask(crop_mask(disc, region, {28, 28}), {28, 28}, region, region, {120, 160});
    EXPECT_GT(iou(encode_rle(again), encode_rle(disc)), 0.97);
  }
}

}  // namespace
}  // namespace vitrail
