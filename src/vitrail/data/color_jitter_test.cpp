#include "vitrail/data/color_jitter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/random.h"

namespace vitrail {
namespace {

Image noise(int64_t height, int64_t width, int low, int high) {
  Image image(height, width, 3);
  Random random(11);
  for (uint8_t& v : image.pixels)
    v = static_cast<uint8_t>(random.integer(low, high));
  return image;
}

double luma(const uint8_t* p) {
  return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

TEST(ColorJitter, BrightnessScalesAndClamps) {
  const Image before = noise(9, 9, 0, 255);
  Image after = before;
  change_colors(after, {.brightness = 1.5});
  for (size_t i = 0; i < before.pixels.size(); ++i)
    ASSERT_NEAR(after.pixels[i], std::min(255.0, 1.5 * before.pixels[i]), 0.51);
}

TEST(ColorJitter, ContrastStretchesAboutTheMeanLuma) {
  const Image before = noise(9, 9, 100, 150);
  double mean = 0;
  for (int64_t i = 0; i < 81; ++i)
    mean += luma(before.at(0, i)) / 81;
  Image after = before;
  change_colors(after, {.contrast = 1.4});
  for (size_t i = 0; i < before.pixels.size(); ++i)
    ASSERT_NEAR(after.pixels[i], 1.4 * before.pixels[i] - 0.4 * mean, 0.51);
}

TEST(ColorJitter, SaturationAndHueKeepTheLuma) {
  const Image before = noise(9, 9, 100, 150);
  for (const ColorChange change : {ColorChange{.saturation = 0.5}, ColorChange{.hue_degrees = 40}}) {
    Image after = before;
    change_colors(after, change);
    EXPECT_NE(after.pixels, before.pixels);
    for (int64_t i = 0; i < 81; ++i)
      ASSERT_NEAR(luma(after.at(0, i)), luma(before.at(0, i)), 0.6);
  }
  Image grey = before;
  change_colors(grey, {.saturation = 0});
  for (int64_t i = 0; i < 81; ++i)
    ASSERT_TRUE(grey.at(0, i)[0] == grey.at(0, i)[1] && grey.at(0, i)[1] == grey.at(0, i)[2]);
}

TEST(ColorJitter, AFullTurnOfTheHueAndNoChangeAreTheIdentity) {
  const Image before = noise(9, 9, 0, 255);
  for (const ColorChange change : {ColorChange{}, ColorChange{.hue_degrees = 360}}) {
    Image after = before;
    change_colors(after, change);
    EXPECT_EQ(after.pixels, before.pixels);
  }
}

TEST(Blur, IsTheGaussianSumWithRepeatedBorders) {
  const Image before = noise(7, 10, 0, 255);
  for (const double sigma : {0.3, 1.0, 2.5}) {
    Image after = before;
    blur(after, sigma);
    const auto radius = static_cast<int64_t>(std::ceil(3 * sigma));
    for (int64_t y = 0; y < 7; ++y)
      for (int64_t x = 0; x < 10; ++x) {
        double sum = 0, weights = 0;
        for (int64_t j = -radius; j <= radius; ++j)
          for (int64_t i = -radius; i <= radius; ++i) {
            const double w = std::exp(-0.5 * static_cast<double>(i * i + j * j) / (sigma * sigma));
            sum += w * before.at(std::clamp<int64_t>(y + j, 0, 6), std::clamp<int64_t>(x + i, 0, 9))[1];
            weights += w;
          }
        ASSERT_NEAR(after.at(y, x)[1], sum / weights, 0.51) << sigma;
      }
  }
}

}  // namespace
}  // namespace vitrail
