#include "vitrail/image/palette.h"

#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

TEST(Palette, VocIsTheDevelopmentKits) {
  const std::vector<Rgb> palette = voc_palette();
  ASSERT_EQ(palette.size(), 256u);
  EXPECT_EQ(palette[0], (Rgb{0, 0, 0}));
  EXPECT_EQ(palette[1], (Rgb{128, 0, 0}));        // aeroplane
  EXPECT_EQ(palette[2], (Rgb{0, 128, 0}));        // bicycle
  EXPECT_EQ(palette[12], (Rgb{64, 0, 128}));      // dog
  EXPECT_EQ(palette[15], (Rgb{192, 128, 128}));   // person
  EXPECT_EQ(palette[20], (Rgb{0, 64, 128}));      // tvmonitor
  EXPECT_EQ(palette[255], (Rgb{224, 224, 192}));  // void
}

// The kit's own loop, which builds the colours from the other side.
TEST(Palette, VocEqualsTheShiftingForm) {
  const std::vector<Rgb> palette = voc_palette(1000);
  for (uint32_t label = 0; label < 1000; ++label) {
    uint32_t rest = label, r = 0, g = 0, b = 0;
    for (int j = 7; rest != 0; --j, rest >>= 3) {
      r |= (rest & 1) << j;
      g |= (rest >> 1 & 1) << j;
      b |= (rest >> 2 & 1) << j;
    }
    EXPECT_EQ(palette[label], (Rgb{uint8_t(r), uint8_t(g), uint8_t(b)})) << label;
  }
}

TEST(Palette, ColoursOfEachPaletteDiffer) {
  const std::vector<std::pair<std::vector<Rgb>, size_t>> palettes{{voc_palette(256), 256},
                                                                  {cityscapes_palette(), 19},
                                                                  {camvid_palette(), 11},
                                                                  {distinct_palette(150), 150}};
  for (const auto& [palette, size] : palettes) {
    EXPECT_EQ(palette.size(), size);
    EXPECT_EQ(std::set<Rgb>(palette.begin(), palette.end()).size(), size);
  }
  EXPECT_EQ(cityscapes_palette()[13], (Rgb{0, 0, 142})) << "car";
  EXPECT_EQ(camvid_palette()[3], (Rgb{128, 64, 128})) << "road";
}

TEST(Palette, DistinctColoursArePrefixesAndBounded) {
  const std::vector<Rgb> few = distinct_palette(8), many = distinct_palette(40);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  for (size_t i = 0; i < few.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      int distance = 0;
      for (size_t c = 0; c < 3; ++c)
        distance += std::abs(few[i][c] - few[j][c]);
      EXPECT_GT(distance, 100) << i << " and " << j;
    }
  EXPECT_TRUE(distinct_palette(0).empty());
  EXPECT_THROW(distinct_palette(1025), Error);
  EXPECT_THROW(voc_palette(-1), Error);
}

}  // namespace
}  // namespace vitrail
