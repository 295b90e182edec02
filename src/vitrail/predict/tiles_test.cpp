#include "vitrail/predict/tiles.h"

#include <gtest/gtest.h>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail {
namespace {

TEST(Tiles, CoverEveryPixelWithWeightsThatSumToOne) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const int64_t multiple = random.integer(1, 32), overlap = random.integer(0, 40);
    const int64_t tile = round_up(2 * overlap + multiple + random.integer(0, 100), multiple);
    const int64_t length = random.integer(1, 900);
    SCOPED_TRACE(testing::Message() << "length " << length << " tile " << tile << " overlap " << overlap
                                    << " multiple " << multiple);
    std::vector<double> sum(static_cast<size_t>(length), 0.0);
    for (const TileSpan& span : tile_spans(length, tile, overlap, multiple)) {
      EXPECT_EQ(span.start % multiple, 0);
      EXPECT_LE(span.length, tile);
      ASSERT_EQ(span.weights.size(), static_cast<size_t>(span.length));
      for (int64_t x = 0; x < span.length; ++x) {
        const float weight = span.weights[static_cast<size_t>(x)];
        ASSERT_GE(weight, 0);
        sum.at(static_cast<size_t>(span.start + x)) += weight;
      }
    }
    for (const double s : sum)
      ASSERT_NEAR(s, 1, 1e-5);
  }
}

TEST(Tiles, PixelsWithCutOffContextCountNothing) {
  const std::vector<TileSpan> spans = tile_spans(500, 128, 40, 1);
  ASSERT_GT(spans.size(), 2u);
  for (size_t i = 0; i < spans.size(); ++i) {
    const TileSpan& span = spans[i];
    for (int64_t x = 0; x < 10; ++x) {
      if (span.start > 0) {
        EXPECT_EQ(span.weights[static_cast<size_t>(x)], 0);
      }
      if (span.start + span.length < 500) {
        EXPECT_EQ(span.weights[static_cast<size_t>(span.length - 1 - x)], 0);
      }
    }
  }
  EXPECT_EQ(spans.front().weights.front(), 1);
  EXPECT_EQ(spans.back().weights.back(), 1);
}

TEST(Tiles, TooSmallOrCrookedTilesAreRefused) {
  EXPECT_THROW(tile_spans(500, 128, 64, 1), Error);
  EXPECT_THROW(tile_spans(500, 130, 16, 32), Error);
  EXPECT_THROW(tile_spans(0, 128, 16, 32), Error);
  EXPECT_NO_THROW(tile_spans(500, 160, 64, 32));
}

}  // namespace
}  // namespace vitrail
