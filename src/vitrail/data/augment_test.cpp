#include "vitrail/data/augment.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

constexpr int64_t classes = 4;
// Corners of the colour cube: a mixture of two is nearer to the one that has more of it.
constexpr std::array<Rgb, classes> paint{Rgb{255, 0, 0}, Rgb{0, 255, 0}, Rgb{0, 0, 255}, Rgb{255, 255, 255}};

/// Blocks of classes; the image is painted by its labels.
Sample painted(int64_t height, int64_t width, uint64_t seed, int64_t block = 12) {
  Sample sample{Image(height, width), LabelMap(height, width), "painted"};
  const Random random(seed);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      Random cell = random.fork(static_cast<uint64_t>(y / block * 1000 + x / block));
      const auto c = static_cast<uint16_t>(cell.integer(0, classes - 1));
      sample.labels.at(y, x) = c;
      std::copy(paint[c].begin(), paint[c].end(), sample.image.at(y, x));
    }
  return sample;
}

uint16_t nearest_class(const uint8_t* pixel) {
  const auto distance = [&](size_t c) {
    int sum = 0;
    for (size_t k = 0; k < 3; ++k)
      sum += (pixel[k] - paint[c][k]) * (pixel[k] - paint[c][k]);
    return sum;
  };
  uint16_t best = 0;
  for (uint16_t c = 1; c < classes; ++c)
    if (distance(c) < distance(best)) best = c;
  return best;
}

const AugmentOptions geometry{.scale_min = 0.5,
                              .scale_max = 2,
                              .rotate_degrees = 20,
                              .crop_height = 50,
                              .crop_width = 60,
                              .flip = 0.5,
                              .fill = {1, 2, 3}};

TEST(Augment, ImageAndLabelsStayAligned) {
  int64_t disagreements = 0, labelled = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    AugmentOptions options = geometry;
    if (seed % 3 == 0) options.rotate_degrees = 0;
    if (seed % 4 == 0) options.scales = {0.75, 1.25};
    Random random(seed);
    const Sample out = augment(painted(64, 80, seed), options, random);
    for (int64_t y = 0; y < out.labels.height; ++y)
      for (int64_t x = 0; x < out.labels.width; ++x) {
        const uint16_t label = out.labels.at(y, x);
        if (label == LabelMap::ignore_label) {
          ASSERT_EQ(out.image.at(y, x)[0], 1) << "ignored pixels are fill here";
          continue;
        }
        ++labelled;
        disagreements += nearest_class(out.image.at(y, x)) != label;
      }
  }
  EXPECT_GT(labelled, 60 * 50 * 60 / 2);
  // Where classes meet, a mixed pixel may be nearer to the other (or to a third) colour.
  EXPECT_LT(static_cast<double>(disagreements), 0.06 * static_cast<double>(labelled));
}

TEST(Augment, FurtherLabelsGoTheWayOfTheFirst) {
  AugmentOptions options = geometry;
  options.elastic_sigma = 3;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Sample sample = painted(64, 80, seed);
    sample.further = {LabelMap(64, 80), sample.labels};
    for (size_t i = 0; i < sample.labels.labels.size(); ++i)
      sample.further[0].labels[i] = static_cast<uint16_t>(classes - 1 - sample.labels.labels[i]);
    Random random(seed);
    const Sample out = augment(sample, options, random);
    ASSERT_EQ(out.further.size(), 2u);
    EXPECT_EQ(out.further[1].labels, out.labels.labels);
    for (size_t i = 0; i < out.labels.labels.size(); ++i) {
      const uint16_t label = out.labels.labels[i];
      ASSERT_EQ(out.further[0].labels[i], label == LabelMap::ignore_label ? label : classes - 1 - label);
    }
  }
  Sample wrong = painted(64, 80, 1);
  wrong.further = {LabelMap(64, 79)};
  Random random(1);
  EXPECT_THROW(augment(wrong, options, random), Error);
}

TEST(Augment, AlignmentTestWouldNoticeTwoPixels) {
  int64_t disagreements = 0, all = 0;
  const Sample sample = painted(64, 80, 1);
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 2; x < 80; ++x, ++all)
      disagreements += nearest_class(sample.image.at(y, x - 2)) != sample.labels.at(y, x);
  EXPECT_GT(static_cast<double>(disagreements), 0.06 * static_cast<double>(all));
}

TEST(Augment, SameSeedSameSampleOtherSeedAnother) {
  AugmentOptions options = geometry;
  options.brightness = options.contrast = options.saturation = 0.4;
  options.hue_degrees = 15;
  options.blur = 0.5;
  const Sample sample = painted(40, 40, 3);
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random a(seed), b(seed);
    const Sample one = augment(sample, options, a), two = augment(sample, options, b);
    ASSERT_EQ(one.image.pixels, two.image.pixels);
    ASSERT_EQ(one.labels.labels, two.labels.labels);
    images.emplace(one.image.pixels.begin(), one.image.pixels.end());
  }
  EXPECT_EQ(images.size(), 20u);
}

TEST(Augment, SizesAreTheCropOrTheScaledSize) {
  const Sample sample = painted(40, 50, 3);
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    const Sample cropped = augment(sample, geometry, random);
    EXPECT_EQ(cropped.image.height, 50);
    EXPECT_EQ(cropped.labels.width, 60);
    EXPECT_EQ(cropped.image.pixels.size(), 50u * 60 * 3);
  }
  const Sample scaled = augment(sample, {.scales = {1.5}}, random);
  EXPECT_EQ(scaled.image.height, 60);
  EXPECT_EQ(scaled.labels.width, 75);
  const Sample same = augment(sample, {}, random);
  EXPECT_EQ(same.image.pixels, sample.image.pixels);
  EXPECT_EQ(same.labels.labels, sample.labels.labels);
}

TEST(Augment, TheShorterSideHasAWholeLengthWithinItsRange) {
  const AugmentOptions options{.short_side_min = 30, .short_side_max = 33};
  std::set<int64_t> sides;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Sample wide = augment(painted(64, 96, 1), options, random);
    EXPECT_NEAR(static_cast<double>(wide.image.width), 1.5 * static_cast<double>(wide.image.height), 0.51);
    sides.insert(wide.image.height);
    EXPECT_EQ(augment(painted(96, 64, 1), options, random).image.width / 30, 1);
  }
  EXPECT_EQ(sides, (std::set<int64_t>{30, 31, 32, 33}));
}

TEST(Augment, ABentSampleKeepsImageAndLabelsTogether) {
  AugmentOptions options = geometry;
  options.elastic_sigma = 4;
  int64_t disagreements = 0, labelled = 0, moved = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed), still(seed);
    const Sample out = augment(painted(64, 80, seed), options, random);
    moved += out.labels.labels != augment(painted(64, 80, seed), geometry, still).labels.labels ? 1 : 0;
    for (int64_t y = 0; y < out.labels.height; ++y)
      for (int64_t x = 0; x < out.labels.width; ++x) {
        if (out.labels.at(y, x) == LabelMap::ignore_label) continue;
        ++labelled;
        disagreements += nearest_class(out.image.at(y, x)) != out.labels.at(y, x) ? 1 : 0;
      }
  }
  EXPECT_EQ(moved, 20);
  EXPECT_LT(disagreements, labelled / 12) << "of " << labelled << ", which lie along borders of classes";
}

TEST(Augment, NeverInventsAClass) {
  Sample sample = painted(40, 50, 3);
  for (uint16_t& label : sample.labels.labels)
    label = label == 1 ? uint16_t{7} : label == 2 ? LabelMap::ignore_label : label;
  Random random(1);
  for (int i = 0; i < 40; ++i)
    for (const uint16_t label : augment(sample, geometry, random).labels.labels)
      ASSERT_TRUE(label == 0 || label == 3 || label == 7 || label == LabelMap::ignore_label);
}

TEST(Augment, PaddingIsAtBottomAndRightExactlyFillAndIgnored) {
  const Sample sample = painted(20, 30, 3);
  AugmentOptions options{.crop_height = 32,
                         .crop_width = 40,
                         .brightness = 0.5,
                         .contrast = 0.5,
                         .blur = 1,
                         .fill = {10, 20, 30}};
  Random random(4);
  const Sample out = augment(sample, options, random);
  for (int64_t y = 0; y < 32; ++y)
    for (int64_t x = 0; x < 40; ++x) {
      const bool inside = y < 20 && x < 30;
      ASSERT_EQ(out.labels.at(y, x), inside ? sample.labels.at(y, x) : LabelMap::ignore_label);
      if (!inside) {
        ASSERT_TRUE(out.image.at(y, x)[0] == 10 && out.image.at(y, x)[1] == 20 &&
                    out.image.at(y, x)[2] == 30);
      }
    }
}

TEST(Augment, AFlipIsTheMirrorImage) {
  const Sample sample = painted(10, 14, 3, 3);
  Random random(4);
  const Sample out = augment(sample, {.flip = 1}, random);
  for (int64_t y = 0; y < 10; ++y)
    for (int64_t x = 0; x < 14; ++x) {
      ASSERT_EQ(out.labels.at(y, x), sample.labels.at(y, 13 - x));
      ASSERT_TRUE(std::equal(out.image.at(y, x), out.image.at(y, x) + 3, sample.image.at(y, 13 - x)));
    }
}

TEST(Augment, CropsAvoidWindowsThatOneClassFills) {
  Sample sample = painted(64, 64, 3);
  for (int64_t y = 0; y < 64; ++y)  // class 0 fills all but a corner
    for (int64_t x = 0; x < 64; ++x)
      sample.labels.at(y, x) = y >= 40 && x >= 40 ? 1 : 0;
  const auto filled = [&](double limit) {
    int64_t count = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      Random random(seed);
      const Sample out =
          augment(sample, {.crop_height = 24, .crop_width = 24, .crop_max_class_share = limit}, random);
      const auto zeros = std::count(out.labels.labels.begin(), out.labels.labels.end(), 0);
      count += static_cast<double>(std::max<int64_t>(zeros, 576 - zeros)) > 0.75 * 576;
    }
    return count;
  };
  EXPECT_GT(filled(1), 140);
  EXPECT_LT(filled(0.75), 60);
}

TEST(Augment, OptionsAreCheckedAllAtOnce) {
  EXPECT_NO_THROW(check(geometry));
  try {
    check({.scale_min = 3, .scale_max = 2, .crop_height = 5, .flip = 1.5, .fill = {1, 2}});
    FAIL();
  } catch (const Error& e) {
    for (const char* fault : {"scale_min", "crop_width", "flip", "fill"})
      EXPECT_NE(std::string(e.what()).find(fault), std::string::npos) << e.what();
  }
  Random random(1);
  EXPECT_THROW(augment({Image(4, 4), LabelMap(4, 5), "odd"}, {}, random), Error);
}

}  // namespace
}  // namespace vitrail
