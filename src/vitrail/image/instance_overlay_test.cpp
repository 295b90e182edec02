#include "vitrail/image/instance_overlay.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "noise_image.h"
#include "vitrail/base/error.h"

namespace vitrail {
namespace {

/// A filled rectangle as a mask.
Rle rectangle(int64_t height, int64_t width, int64_t y1, int64_t x1, int64_t y2, int64_t x2) {
  Mask mask(height, width);
  for (int64_t y = y1; y < y2; ++y)
    for (int64_t x = x1; x < x2; ++x)
      mask.at(y, x) = 1;
  return encode_rle(mask);
}

TEST(InstanceOverlay, PaintsInsideTheMaskAndNothingElse) {
  const Image photo = noise_image(60, 80, 3, 1);
  const Rgb color{200, 40, 10};
  const Image shown = instance_overlay(
      photo,
      {{.mask = rectangle(60, 80, 10, 20, 50, 60), .box = {20, 10, 60, 50}, .label = "", .color = color}},
      {.opacity = 0.25});
  ASSERT_EQ(shown.height, 60);
  ASSERT_EQ(shown.width, 80);
  for (int64_t y = 0; y < 60; ++y)
    for (int64_t x = 0; x < 80; ++x) {
      const bool inside = y >= 13 && y < 47 && x >= 23 && x < 57,
                 outside = y < 8 || y >= 52 || x < 18 || x >= 62;
      for (size_t c = 0; c < 3; ++c) {
        const double from = photo.at(y, x)[c];
        if (inside) {
          ASSERT_NEAR(shown.at(y, x)[c], from + 0.25 * (color[c] - from), 0.51) << x << " " << y;
        } else if (outside) {
          ASSERT_EQ(shown.at(y, x)[c], photo.at(y, x)[c]) << x << " " << y;
        }
      }
    }
  for (size_t c = 0; c < 3; ++c) {  // the outline is in full colour, but for its smooth edge
    const double apart = std::abs(photo.at(10, 40)[c] - static_cast<double>(color[c]));
    EXPECT_NEAR(shown.at(10, 40)[c], color[c], 0.3 * apart + 2);
  }
}

TEST(InstanceOverlay, TheFirstLiesOnTop) {
  const Rle mask = rectangle(40, 40, 0, 0, 40, 40);
  const std::vector<DrawnInstance> two = {{.mask = mask, .box = {}, .label = "", .color = {250, 0, 0}},
                                          {.mask = mask, .box = {}, .label = "", .color = {0, 250, 0}}};
  const Image shown = instance_overlay(Image(40, 40), two, {.opacity = 1});
  EXPECT_EQ(shown.at(20, 20)[0], 250);
  EXPECT_EQ(shown.at(20, 20)[1], 0);
}

TEST(InstanceOverlay, WithoutAMaskTheBoxIsDrawnAndLabelsStayInside) {
  const Image photo(50, 50, 3, 90);
  const DrawnInstance plain{.mask = {}, .box = {10, 20, 40, 45}, .label = "", .color = {0, 0, 255}};
  const Image boxed = instance_overlay(photo, {plain});
  EXPECT_EQ(boxed.at(20, 25)[2], 255);
  EXPECT_EQ(boxed.at(30, 25)[2], 90);  // nothing inside
  DrawnInstance corner{
      .mask = {}, .box = {45, 0, 50, 5}, .label = "a long label, \xc3\xa9", .color = {0, 0, 255}};
  EXPECT_NE(instance_overlay(photo, {corner}).pixels,
            instance_overlay(photo, {corner}, {.labels = false}).pixels);
  corner.box = {-1000, -1000, 1000, 1000};
  EXPECT_NO_THROW(instance_overlay(photo, {corner}));
  EXPECT_EQ(instance_overlay(photo, {}).pixels, photo.pixels);
}

TEST(InstanceOverlay, RefusesWhatDoesNotFit) {
  const DrawnInstance other{.mask = rectangle(8, 8, 0, 0, 4, 4), .box = {}, .label = "", .color = {}};
  EXPECT_THROW(instance_overlay(Image(8, 9), {other}), Error);
  EXPECT_THROW(instance_overlay(Image(8, 8, 1), {other}), Error);
  EXPECT_THROW(instance_overlay(Image(8, 8), {other}, {.opacity = 1.5}), Error);
}

TEST(InstanceColors, DifferAndRepeatInTheEnd) {
  const std::vector<Rgb> colors = instance_colors(300);
  ASSERT_EQ(colors.size(), 300u);
  const std::set<Rgb> different(colors.begin(), colors.end());
  EXPECT_GE(different.size(), 24u);
  EXPECT_EQ(std::set<Rgb>(colors.begin(), colors.begin() + 24).size(), 24u);
  EXPECT_TRUE(std::equal(colors.begin(), colors.begin() + 5, instance_colors(5).begin()));
  EXPECT_TRUE(instance_colors(0).empty());
}

TEST(InstanceNumbers, AreTheFirstMaskOfEachPixel) {
  const int64_t height = 23, width = 31;
  std::vector<Rle> masks;
  std::vector<Mask> plain;
  for (uint64_t seed = 0; seed < 7; ++seed) {
    const Image noise = noise_image(height, width, 1, seed);
    Mask mask(height, width);
    for (size_t i = 0; i < mask.pixels.size(); ++i)
      mask.pixels[i] = noise.pixels[i] < 60;
    plain.push_back(mask);
    masks.push_back(encode_rle(mask));
  }
  const LabelMap numbers = instance_numbers(masks, height, width);
  std::set<uint16_t> seen;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      uint16_t expected = 0;
      for (size_t i = plain.size(); i-- > 0;)
        if (plain[i].at(y, x) != 0) expected = static_cast<uint16_t>(i + 1);
      ASSERT_EQ(numbers.at(y, x), expected);
      seen.insert(expected);
    }
  EXPECT_EQ(seen.size(), 8u);
}

}  // namespace
}  // namespace vitrail
