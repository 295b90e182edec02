#include "vitrail/data/class_weights.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/data/dataset.h"

namespace vitrail {
namespace {

/// Two label maps of 10 pixels: {0 x6, 1 x2, ignored x2} and {0 x9, 2 x1}; class 3 never occurs.
PixelCounts small_counts() {
  PixelCounts counts(4);
  LabelMap a(1, 10, 0), b(2, 5, 0);
  a.labels[6] = a.labels[7] = 1;
  a.labels[8] = a.labels[9] = LabelMap::ignore_label;
  b.labels[3] = 2;
  counts.add(a);
  counts.add(b);
  return counts;
}

TEST(PixelCounts, CountsByHand) {
  const PixelCounts counts = small_counts();
  EXPECT_EQ(counts.pixels, (std::vector<int64_t>{15, 2, 1, 0}));
  EXPECT_EQ(counts.pixels_where_present, (std::vector<int64_t>{20, 10, 10, 0}));
  EXPECT_EQ(counts.labelled, 18);
  EXPECT_EQ(counts.ignored, 2);
  EXPECT_THROW(PixelCounts(4).add(LabelMap(1, 1, 4)), Error);
}

TEST(ClassWeights, MedianFrequencyByHand) {
  // f = 0.75, 0.2, 0.1: the median is 0.2
  const auto weights = median_frequency_weights(small_counts());
  EXPECT_NEAR(weights[0], 0.2 / 0.75, 1e-12);
  EXPECT_NEAR(weights[1], 1, 1e-12);
  EXPECT_NEAR(weights[2], 2, 1e-12);
  EXPECT_EQ(weights[3], 1) << "a class that never occurs";
}

TEST(ClassWeights, EffectiveNumberIsTheGeometricSum) {
  const PixelCounts counts = small_counts();
  const double beta = 0.9;
  std::vector<double> inverse;
  for (const int64_t n : {15, 2, 1}) {
    double effective = 0;  // 1 + beta + beta^2 + ...
    for (int64_t k = 0; k < n; ++k)
      effective += std::pow(beta, k);
    inverse.push_back(1 / effective);
  }
  const double scale = 3 / (inverse[0] + inverse[1] + inverse[2]);
  const auto weights = effective_number_weights(counts, beta);
  for (size_t c = 0; c < 3; ++c)
    EXPECT_NEAR(weights[c], inverse[c] * scale, 1e-12);
  EXPECT_EQ(weights[3], 1);
  for (const double alike : effective_number_weights(counts, 0))
    EXPECT_NEAR(alike, 1, 1e-12);
  EXPECT_THROW(effective_number_weights(counts, 1), Error);
}

TEST(ClassWeights, EffectiveNumberKeepsItsPrecisionForBillionsOfPixels) {
  PixelCounts counts(2);
  counts.pixels = {4'000'000'000, 10};
  counts.pixels_where_present = {4'000'000'010, 4'000'000'010};
  counts.labelled = 4'000'000'010;
  const auto weights = effective_number_weights(counts, effective_number_beta(counts));
  EXPECT_NEAR(weights[1] / weights[0], 4e8 * (1 - std::exp(-1)), 1e3);
}

TEST(ClassWeights, ComeNearTheWeightsThatSegNetPublishedForCamVid) {
  const auto root = std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/camvid";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no CamVid at " << root;
  const auto data = open_dataset("camvid:" + root.string(), "train");
  PixelCounts counts(11);
  for (int64_t i = 0; i < data->size(); ++i)
    counts.add(data->load(i).labels);
  const auto weights = median_frequency_weights(counts);
  // SegNet's prototxt. Its SignSymbol (9.6446) does not follow from these labels, which give 3.85.
  const double published[] = {0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826,
                              0,      1.8418, 0.6823, 6.2478, 7.3614};
  for (size_t c = 0; c < 11; ++c)
    if (published[c] > 0) {
      EXPECT_NEAR(weights[c] / published[c], 1, 0.25) << c;
    }
}

}  // namespace
}  // namespace vitrail
