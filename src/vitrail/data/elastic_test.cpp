#include "vitrail/data/elastic.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "image_samples.h"

namespace vitrail {
namespace {

Sample noisy_sample(int64_t height, int64_t width) {
  Random random(4);
  return {noise_image(height, width, 3, random), random_labels(height, width, 5, random), "noise"};
}

TEST(Elastic, WithoutDisplacementNothingMovesAndTheSameNumbersAreDrawn) {
  const Sample sample = noisy_sample(20, 31);
  Random still(1), moving(1);
  const Sample same = elastic(sample, {.sigma = 0}, still);
  EXPECT_EQ(same.image.pixels, sample.image.pixels);
  EXPECT_EQ(same.labels.labels, sample.labels.labels);
  elastic(sample, {.sigma = 10}, moving);
  EXPECT_EQ(still.next(), moving.next());
}

TEST(Elastic, IsAFunctionOfTheSeed) {
  const Sample sample = noisy_sample(40, 40);
  Random a(7), b(7), c(8);
  const Sample first = elastic(sample, {}, a);
  EXPECT_EQ(first.image.pixels, elastic(sample, {}, b).image.pixels);
  EXPECT_NE(first.image.pixels, elastic(sample, {}, c).image.pixels);
}

// An image that shows its own coordinates says where each pixel came from.
struct Moved {
  double squares = 0, steepest = 0;
  int64_t count = 0;
};
Moved displacements(int64_t side, const ElasticOptions& options, Random& random) {
  Sample sample{Image(side, side), LabelMap(side, side), "coordinates"};
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      sample.image.at(y, x)[0] = static_cast<uint8_t>(y);
      sample.image.at(y, x)[1] = static_cast<uint8_t>(x);
      sample.labels.at(y, x) = static_cast<uint16_t>(y * side + x);
    }
  const Sample bent = elastic(sample, options, random);
  Moved moved;
  const auto offset = [&](int64_t y, int64_t x) {
    return static_cast<double>(bent.image.at(y, x)[0]) - static_cast<double>(y);
  };
  for (int64_t y = 40; y + 40 < side; ++y)
    for (int64_t x = 40; x + 40 < side; ++x) {
      EXPECT_LE(std::abs(bent.labels.at(y, x) / side - bent.image.at(y, x)[0]), 1)
          << "labels follow the image";
      EXPECT_LE(std::abs(bent.labels.at(y, x) % side - bent.image.at(y, x)[1]), 1);
      moved.squares += offset(y, x) * offset(y, x);
      moved.steepest = std::max(moved.steepest, std::abs(offset(y, x) - offset(y, x - 1)));
      ++moved.count;
    }
  return moved;
}

TEST(Elastic, MovesImageAndLabelsTogetherSmoothlyAndByAboutSigma) {
  Random random(2);
  double squares = 0;
  int64_t count = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const Moved moved = displacements(160, {.sigma = 6, .grid = 3}, random);
    EXPECT_LE(moved.steepest, 2) << "neighbours stay neighbours";
    squares += moved.squares;
    count += moved.count;
  }
  // Between lattice points the spline of independent normals deviates by less than they do.
  const double deviation = std::sqrt(squares / static_cast<double>(count));
  EXPECT_GT(deviation, 3);
  EXPECT_LT(deviation, 7);
}

TEST(Elastic, BeyondTheBorderLiesTheMirroredImage) {
  Sample sample{Image(9, 9, 1, 50), LabelMap(9, 9, 3), "flat"};
  Random random(3);
  const Sample bent = elastic(sample, {.sigma = 30}, random);
  EXPECT_EQ(bent.image.pixels, sample.image.pixels);
  EXPECT_EQ(bent.labels.labels, sample.labels.labels);
  Sample line{Image(1, 1, 1, 9), LabelMap(1, 1, 2), "one pixel"};
  EXPECT_EQ(elastic(line, {}, random).labels.labels, line.labels.labels);
}

}  // namespace
}  // namespace vitrail
