#include "vitrail/train/border_weights.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/metrics/components.h"

namespace vitrail::train {
namespace {

/// The definition: every pixel against every pixel of every cell.
double by_definition(const std::vector<uint16_t>& labels, int64_t height, int64_t width, size_t pixel,
                     const BorderOptions& options) {
  const std::vector<int32_t> cells = components(labels, height, width, static_cast<uint16_t>(options.cell));
  if (cells[pixel] != 0 || labels[pixel] == 255) return 0;
  std::vector<double> distance;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i] == 0) continue;
    distance.resize(std::max(distance.size(), static_cast<size_t>(cells[i])), 1e9);
    const auto a = static_cast<int64_t>(i), b = static_cast<int64_t>(pixel);
    const double d =
        std::hypot(static_cast<double>(a / width - b / width), static_cast<double>(a % width - b % width));
    double& least = distance[static_cast<size_t>(cells[i] - 1)];
    least = std::min(least, d);
  }
  std::sort(distance.begin(), distance.end());
  if (distance.size() < 2) return 0;
  const double sum = distance[0] + distance[1];
  return options.strength * std::exp(-sum * sum / (2 * options.sigma * options.sigma));
}

TEST(BorderWeights, AreTheDefinition) {
  Random random(6);
  for (int trial = 0; trial < 12; ++trial) {
    const int64_t height = random.integer(1, 34), width = random.integer(1, 34);
    const BorderOptions options{.strength = 10, .sigma = random.uniform(1, 6), .cell = 1};
    std::vector<uint16_t> labels(static_cast<size_t>(height * width));
    const double share = random.uniform(0.02, 0.6);
    for (uint16_t& label : labels)
      label = random.chance(share) ? 1 : random.chance(0.1) ? 255 : random.chance(0.1) ? 2 : 0;
    const std::vector<float> weights = border_weights(labels, height, width, options);
    for (size_t i = 0; i < labels.size(); ++i)
      ASSERT_NEAR(weights[i], by_definition(labels, height, width, i, options), 1e-5) << trial << " at " << i;
  }
}

TEST(BorderWeights, TheGapBetweenTwoCellsIsDearest) {
  // A row: cell, gap of two pixels, cell, open ground.
  const std::vector<uint16_t> labels = {1, 1, 0, 0, 1, 0, 0, 0, 0, 0};
  const std::vector<float> weights = border_weights(labels, 1, 10, {.strength = 10, .sigma = 5});
  EXPECT_EQ(weights[0], 0);
  EXPECT_NEAR(weights[2], 10 * std::exp(-9.0 / 50), 1e-5) << "1 to the left cell, 2 to the right one";
  EXPECT_GT(weights[3], weights[5]);
  EXPECT_GT(weights[5], weights[9]);
}

TEST(BorderWeights, OneCellAloneHasNoBorder) {
  std::vector<uint16_t> labels(100, 0);
  labels[44] = labels[45] = 1;
  for (const float weight : border_weights(labels, 10, 10, {.strength = 10}))
    EXPECT_EQ(weight, 0);
  EXPECT_TRUE(border_weights({}, 0, 0, {.strength = 10}).empty());
  EXPECT_THROW(border_weights(labels, 9, 10, {.strength = 10}), Error);
}

}  // namespace
}  // namespace vitrail::train
