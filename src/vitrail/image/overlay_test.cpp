#include "vitrail/image/overlay.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "image_samples.h"
#include "vitrail/base/error.h"

namespace vitrail {
namespace {

const std::vector<NamedColor> street{
    {"road", {128, 64, 128}}, {"car", {64, 0, 200}}, {"sky", {70, 130, 180}}};

TEST(Overlay, MixesColoursAndLeavesIgnoredPixels) {
  Random random(1);
  const Image photo = noise_image(12, 9, 3, random);
  LabelMap labels = random_labels(12, 9, 2, random);
  labels.at(5, 5) = LabelMap::ignore_label;
  const Image shown = overlay(photo, labels, street, {.opacity = 0.3, .borders = false, .legend = false});
  ASSERT_EQ(shown.pixels.size(), photo.pixels.size());
  for (int64_t y = 0; y < 12; ++y)
    for (int64_t x = 0; x < 9; ++x)
      for (size_t c = 0; c < 3; ++c) {
        const double from = photo.at(y, x)[c];
        const bool ignored = labels.at(y, x) == LabelMap::ignore_label;
        const double expected = ignored ? from : 0.7 * from + 0.3 * street[labels.at(y, x)].color[c];
        EXPECT_NEAR(shown.at(y, x)[c], expected, 0.51);
      }
}

TEST(Overlay, BordersAreDrawnInFullColourWhereLabelsMeet) {
  LabelMap labels(6, 8, 0);
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 4; x < 8; ++x)
      labels.at(y, x) = 1;
  const Image shown = overlay(Image(6, 8), labels, street, {.opacity = 0.5, .legend = false});
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 8; ++x) {
      const Rgb& color = street[labels.at(y, x)].color;
      EXPECT_EQ(shown.at(y, x)[2], x == 3 ? color[2] : color[2] / 2) << x << "," << y;
    }
}

TEST(Overlay, SharesAreCountedMostFrequentFirst) {
  LabelMap labels(2, 5, 2);
  labels.at(0, 0) = 0;
  labels.at(0, 1) = LabelMap::ignore_label;
  labels.at(0, 2) = LabelMap::ignore_label;
  const std::vector<ClassShare> shares = class_shares(labels);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].label, 2);
  EXPECT_EQ(shares[1].label, LabelMap::ignore_label);
  EXPECT_EQ(shares[2].pixels, 1);
  EXPECT_DOUBLE_EQ(shares[0].share, 0.7);
}

std::set<Rgb> colors_below(const Image& image, int64_t from_row) {
  std::set<Rgb> colors;
  for (int64_t y = from_row; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      colors.insert({image.at(y, x)[0], image.at(y, x)[1], image.at(y, x)[2]});
  return colors;
}

TEST(Overlay, LegendShowsTheClassesPresentAtAnySize) {
  const std::vector<std::pair<int64_t, int64_t>> sizes{
      {1, 1}, {32, 32}, {360, 480}, {40, 1500}, {2000, 3000}};
  for (const auto& [height, width] : sizes) {
    Image photo(height, width, 3, 50);
    LabelMap labels(height, width, 0);
    if (height > 1) labels.at(0, 0) = 1;
    const Image shown = overlay(photo, labels, street);
    EXPECT_GT(shown.height, height + 11) << "room for letters";
    EXPECT_GE(shown.width, std::max<int64_t>(width, 100));
    const std::set<Rgb> colors = colors_below(shown, height);
    EXPECT_TRUE(colors.contains(street[0].color)) << height;
    EXPECT_EQ(colors.contains(street[1].color), height > 1);
    EXPECT_FALSE(colors.contains(street[2].color)) << "sky does not occur";
    EXPECT_TRUE(colors.contains(Rgb{255, 255, 255}));
    // Text is dark on white, and never cut: the panel's last column and row stay white.
    for (int64_t y = height; y < shown.height; ++y)
      EXPECT_EQ(shown.at(y, shown.width - 1)[0], 255);
    for (int64_t x = 0; x < shown.width; ++x)
      EXPECT_EQ(shown.at(shown.height - 1, x)[0], 255);
  }
}

TEST(Overlay, ManyClassesWithLongOrForeignNames) {
  std::vector<NamedColor> classes;
  for (int i = 0; i < 150; ++i)
    classes.push_back({i % 2 ? std::string(80, 'n')
                             : "Stra\xC3\x9F"
                               "e",
                       {uint8_t(i), 10, 200}});
  Random random(2);
  const Image shown = overlay(Image(100, 640), random_labels(100, 640, 149, random), classes);
  const std::set<Rgb> colors = colors_below(shown, 100);
  for (const NamedColor& named : classes)
    EXPECT_TRUE(colors.contains(named.color));
}

TEST(Overlay, RefusesWhatDoesNotFit) {
  EXPECT_THROW(overlay(Image(2, 2), LabelMap(2, 3), street), Error);
  EXPECT_THROW(overlay(Image(2, 2, 0), LabelMap(2, 2), street), Error);
  EXPECT_THROW(overlay(Image(2, 2), LabelMap(2, 2), street, {.opacity = std::nan("")}), Error);
  LabelMap labels(4, 4);
  labels.at(2, 3) = 3;
  try {
    overlay(Image(4, 4), labels, street);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("label 3 at (3,2)"), std::string::npos) << error.what();
  }
}

TEST(Overlay, ColorizePaintsIgnoredBlack) {
  LabelMap labels(1, 2, 1);
  labels.at(0, 1) = LabelMap::ignore_label;
  EXPECT_EQ(colorize(labels, street).pixels, (std::vector<uint8_t>{64, 0, 200, 0, 0, 0}));
}

}  // namespace
}  // namespace vitrail
