#include "vitrail/predict/dense_crf.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/random.h"
#include "vitrail/predict/permutohedral.h"

namespace vitrail {
namespace {

std::vector<float> random_values(size_t count, double low, double high, Random& random) {
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(low + (high - low) * random.uniform());
  return values;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// The sum that the lattice approximates.
std::vector<float> gaussian_sum(const std::vector<float>& features, size_t d,
                                const std::vector<float>& values) {
  std::vector<float> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < values.size(); ++j) {
      double distance = 0;
      for (size_t k = 0; k < d; ++k)
        distance += std::pow(features[i * d + k] - features[j * d + k], 2);
      sum += std::exp(-distance / 2) * values[j];
    }
    result[i] = static_cast<float>(sum);
  }
  return result;
}

TEST(Permutohedral, IsCloseToTheGaussianUpToItsScale) {
  for (const int d : {1, 2, 3, 5}) {
    Random random(7);
    const std::vector<float> features = random_values(600 * static_cast<size_t>(d), 0, 2.5, random);
    const std::vector<float> values = random_values(600, 0, 1, random);
    const std::vector<float> exact = gaussian_sum(features, static_cast<size_t>(d), values);
    std::vector<float> found(600);
    Permutohedral(features, d).filter(values, 1, found);
    // Normalisation cancels the lattice's overall scale: compare directions.
    const double cosine = dot(exact, found) / std::sqrt(dot(exact, exact) * dot(found, found));
    EXPECT_GT(cosine, 0.995) << d << " dimensions";
  }
}

TEST(Permutohedral, FiltersEveryChannelAlikeAndIsLinear) {
  Random random(3);
  const std::vector<float> features = random_values(200 * 5, -3, 3, random);
  const std::vector<float> a = random_values(200, -1, 1, random), b = random_values(200, -1, 1, random);
  const Permutohedral lattice(features, 5);
  std::vector<float> fa(200), fb(200), both(400), interleaved(400), sum(200), fsum(200);
  for (size_t i = 0; i < 200; ++i) {
    interleaved[2 * i] = a[i];
    interleaved[2 * i + 1] = b[i];
    sum[i] = a[i] + 2 * b[i];
  }
  lattice.filter(a, 1, fa);
  lattice.filter(b, 1, fb);
  lattice.filter(sum, 1, fsum);
  lattice.filter(interleaved, 2, both);
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_FLOAT_EQ(both[2 * i], fa[i]);
    EXPECT_FLOAT_EQ(both[2 * i + 1], fb[i]);
    EXPECT_NEAR(fsum[i], fa[i] + 2 * fb[i], 1e-4);
  }
}

TEST(Permutohedral, ADistantPointHearsNothing) {
  const std::vector<float> features = {0, 0, 0.1f, 0.1f, 100, 100};
  std::vector<float> result(3);
  Permutohedral(features, 2).filter(std::vector<float>{1, 1, 0}, 1, result);
  EXPECT_EQ(result[2], 0);
  EXPECT_GT(result[0], 1);
  EXPECT_THROW(Permutohedral(std::vector<float>{1e6f}, 1), Error);
  EXPECT_THROW(Permutohedral(std::vector<float>{1, 2, 3}, 2), Error);
}

struct Scene {
  Image image{24, 32};
  Tensor probabilities = Tensor::empty(DataType::f32, {2, 24, 32});

  // Left half dark, right half bright; probabilities point the right way but are noisy and weak.
  explicit Scene(double noise, uint64_t seed = 5) {
    Random random(seed);
    for (int64_t y = 0; y < 24; ++y)
      for (int64_t x = 0; x < 32; ++x) {
        const bool right = x >= 16;
        for (int64_t c = 0; c < 3; ++c)
          image.at(y, x)[c] = right ? 200 : 40;
        const double p = std::clamp((right ? 0.6 : 0.4) + noise * (random.uniform() - 0.5), 0.01, 0.99);
        probabilities.data<float>()[static_cast<size_t>(y * 32 + x)] = static_cast<float>(1 - p);
        probabilities.data<float>()[static_cast<size_t>(24 * 32 + y * 32 + x)] = static_cast<float>(p);
      }
  }
  int64_t wrong(const LabelMap& labels) const {
    int64_t count = 0;
    for (int64_t y = 0; y < 24; ++y)
      for (int64_t x = 0; x < 32; ++x)
        count += labels.at(y, x) != (x >= 16 ? 1 : 0);
    return count;
  }
};

TEST(DenseCrf, RemovesNoiseAndKeepsTheEdge) {
  const Scene scene(0.8);
  ASSERT_GT(scene.wrong(labels_of(scene.probabilities)), 100);
  const Tensor refined = dense_crf(scene.image, scene.probabilities);
  EXPECT_EQ(scene.wrong(labels_of(refined)), 0);
  for (int64_t i = 0; i < 24 * 32; ++i)
    EXPECT_NEAR(refined.data<float>()[static_cast<size_t>(i)] +
                    refined.data<float>()[static_cast<size_t>(i + 24 * 32)],
                1, 1e-5);
}

TEST(DenseCrf, WithoutWeightsOrIterationsItChangesNothing) {
  const Scene scene(0.8);
  for (const CrfOptions& options :
       {CrfOptions{.bilateral_weight = 0, .position_weight = 0}, CrfOptions{.iterations = 0}}) {
    const Tensor same = dense_crf(scene.image, scene.probabilities, options);
    for (size_t i = 0; i < 2 * 24 * 32; ++i)
      EXPECT_NEAR(same.data<float>()[i], scene.probabilities.data<float>()[i], 1e-5);
  }
}

// Mean field written out with exact Gaussians: labels must agree, probabilities nearly.
TEST(DenseCrf, AgreesWithMeanFieldOverExactGaussians) {
  const Scene scene(0.5, 11);
  const CrfOptions options{.bilateral_weight = 2,
                           .bilateral_xy = 6,
                           .bilateral_rgb = 30,
                           .position_weight = 1,
                           .position_xy = 2,
                           .iterations = 3};
  const size_t n = 24 * 32;
  std::vector<float> near, like;
  for (int64_t y = 0; y < 24; ++y)
    for (int64_t x = 0; x < 32; ++x) {
      near.insert(near.end(), {static_cast<float>(x) / 2, static_cast<float>(y) / 2});
      const float grey = static_cast<float>(scene.image.at(y, x)[0]) / 30;
      like.insert(like.end(), {static_cast<float>(x) / 6, static_cast<float>(y) / 6, grey, grey, grey});
    }
  const std::vector<float> ones(n, 1);
  const std::vector<float> near_norm = gaussian_sum(near, 2, ones), like_norm = gaussian_sum(like, 5, ones);
  std::vector<double> q(n);
  const float* p = scene.probabilities.data<float>().data();
  for (size_t i = 0; i < n; ++i)
    q[i] = p[n + i];
  for (int step = 0; step < options.iterations; ++step) {
    const auto message = [&](const std::vector<float>& f, size_t d, const std::vector<float>& norm,
                             double w) {
      std::vector<float> scaled(n);
      for (size_t i = 0; i < n; ++i)
        scaled[i] = static_cast<float>((2 * q[i] - 1) / std::sqrt(norm[i]));
      std::vector<float> sums = gaussian_sum(f, d, scaled);
      for (size_t i = 0; i < n; ++i)
        sums[i] = static_cast<float>(w * sums[i] / std::sqrt(norm[i]));
      return sums;
    };
    const auto a = message(near, 2, near_norm, 1), b = message(like, 5, like_norm, 2);
    for (size_t i = 0; i < n; ++i)
      q[i] = 1 / (1 + std::exp(-(std::log(p[n + i] / p[i]) + a[i] + b[i])));
  }
  const Tensor refined = dense_crf(scene.image, scene.probabilities, options);
  int64_t unlike = 0;
  double error = 0;
  for (size_t i = 0; i < n; ++i) {
    const double found = refined.data<float>()[n + i];
    unlike += (found > 0.5) != (q[i] > 0.5);
    error += std::abs(found - q[i]);
  }
  EXPECT_LE(unlike, static_cast<int64_t>(n) / 100);
  EXPECT_LT(error / static_cast<double>(n), 0.05);
}

TEST(DenseCrf, IsTheSameForAnyNumberOfThreads) {
  const Scene scene(0.8);
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    results.push_back(dense_crf(scene.image, scene.probabilities));
  }
  for (size_t i = 0; i < 2 * 24 * 32; ++i) {
    ASSERT_EQ(results[0].data<float>()[i], results[1].data<float>()[i]);
    ASSERT_EQ(results[0].data<float>()[i], results[2].data<float>()[i]);
  }
}

TEST(DenseCrf, WhatDoesNotFitIsRefused) {
  const Scene scene(0.5);
  EXPECT_THROW(dense_crf(Image(10, 10), scene.probabilities), Error);
  EXPECT_THROW(dense_crf(scene.image, scene.probabilities, {.position_xy = 0}), Error);
  EXPECT_THROW(crf_options("resnet"), Error);
  EXPECT_EQ(crf_options("vgg16").bilateral_xy, 49);
}

}  // namespace
}  // namespace vitrail
