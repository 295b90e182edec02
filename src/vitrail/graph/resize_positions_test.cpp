#include "vitrail/graph/resize_positions.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/random.h"

namespace vitrail {
namespace {

using C = op::CoordinateMode;

TEST(ResizePositions, FollowTheFormulasOfOnnx) {
  const auto position = [](C mode, std::array<double, 2> scales, int64_t in, int64_t at) {
    const op::Resize op{.coordinates = mode, .scales = scales};
    const auto out = static_cast<int64_t>(std::floor(static_cast<double>(in) * scales[1]));
    return resize_position(op, 1, in, out, at);
  };
  EXPECT_DOUBLE_EQ(position(C::half_pixel, {9, 2}, 5, 3), 1.25);
  EXPECT_DOUBLE_EQ(position(C::asymmetric, {9, 2}, 5, 3), 1.5);
  EXPECT_DOUBLE_EQ(position(C::tf_half_pixel_for_nn, {9, 2}, 5, 3), 1.75);
  EXPECT_DOUBLE_EQ(position(C::align_corners, {9, 2}, 5, 9), 4);
  EXPECT_DOUBLE_EQ(position(C::align_corners, {9, 0.2}, 5, 0), 0);
  EXPECT_DOUBLE_EQ(position(C::pytorch_half_pixel, {9, 0.2}, 5, 0), 0);
  EXPECT_DOUBLE_EQ(position(C::half_pixel, {9, 0.2}, 5, 0), 2);
}

TEST(ResizePositions, SymmetricOnesMirror) {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    const int64_t in = random.integer(1, 20);
    const double scale = random.uniform(1.0 / static_cast<double>(in), 4);
    const op::Resize op{.coordinates = C::half_pixel_symmetric, .scales = {{scale, scale}}};
    const auto out = static_cast<int64_t>(std::floor(static_cast<double>(in) * scale));
    for (int64_t at = 0; at < out; ++at)
      EXPECT_NEAR(resize_position(op, 0, in, out, at) + resize_position(op, 0, in, out, out - 1 - at),
                  static_cast<double>(in - 1), 1e-9);
  }
}

TEST(ResizePositions, CropsReadNothingOutside) {
  const op::Resize op{.coordinates = C::tf_crop_and_resize, .sizes = {{5, 5}}, .roi = {{0.25, 0, 1.25, 1}}};
  for (int64_t at = 0; at < 5; ++at) {
    EXPECT_DOUBLE_EQ(resize_position(op, 0, 9, 5, at), 2 + 2 * static_cast<double>(at));
    EXPECT_DOUBLE_EQ(resize_position(op, 1, 9, 5, at), 2 * static_cast<double>(at));
    const ResizeTaps taps = resize_taps(op, 0, 9, 5, at);
    EXPECT_DOUBLE_EQ(taps.weight[0] + taps.weight[1], at < 4 ? 1 : 0) << "row 10 of 0..8 does not exist";
  }
  EXPECT_DOUBLE_EQ(resize_position(op, 0, 9, 1, 0), 6) << "one row lies in the middle";
}

TEST(ResizePositions, WeightsAddUpInsideOfTheInput) {
  Random random(2);
  for (int i = 0; i < 500; ++i) {
    const int64_t in = random.integer(1, 9), out = random.integer(1, 30);
    const op::Resize op{.mode = static_cast<op::ResizeMode>(random.integer(0, 2)),
                        .coordinates = static_cast<C>(random.integer(0, 5)),
                        .nearest = static_cast<op::NearestMode>(random.integer(0, 3)),
                        .sizes = {{out, out}},
                        .exclude_outside = random.chance(0.5)};
    for (int64_t at = 0; at < out; ++at) {
      const ResizeTaps taps = resize_taps(op, 0, in, out, at);
      double sum = 0;
      for (size_t t = 0; t < taps.from.size(); ++t) {
        EXPECT_TRUE(taps.from[t] >= 0 && taps.from[t] < in);
        sum += taps.weight[t];
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

// A linear kernel as wide as what a pixel covers, whole: a third of seven pixels each way.
TEST(ResizePositions, AntialiasWeighsAllThatAPixelCovers) {
  const op::Resize op{.sizes = {{3, 3}}, .antialias = true};
  const ResizeTaps middle = resize_taps(op, 0, 21, 3, 1);
  ASSERT_GE(middle.from.size(), 13);
  for (size_t i = 0; i < middle.from.size(); ++i)
    EXPECT_NEAR(middle.weight[i], (7.0 - std::abs(static_cast<double>(middle.from[i]) - 10)) / 49, 1e-12);
  const op::Resize up{.mode = op::ResizeMode::cubic, .sizes = {{7, 7}}};
  op::Resize up_antialiased = up;
  up_antialiased.antialias = true;
  for (int64_t at = 0; at < 7; ++at) {
    std::array<double, 3> plain{}, antialiased{};
    const auto spread = [&](const op::Resize& resize, std::array<double, 3>& to) {
      const ResizeTaps taps = resize_taps(resize, 0, 3, 7, at);
      for (size_t i = 0; i < taps.from.size(); ++i)
        to[static_cast<size_t>(taps.from[i])] += taps.weight[i];
    };
    spread(up, plain);
    spread(up_antialiased, antialiased);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(plain[i], antialiased[i], 1e-12) << "enlarging is not changed";
  }
}

TEST(ResizePositions, WhatLiesOutsideMayHaveNoWeight) {
  const op::Resize op{.mode = op::ResizeMode::cubic, .sizes = {{8, 8}}, .exclude_outside = true};
  const ResizeTaps taps = resize_taps(op, 0, 4, 8, 0);  // at -0.25: rows -2, -1, 0, 1
  const double near = ((1.25 * 0.25 - 2.25) * 0.25) * 0.25 + 1;
  const double far = ((-0.75 * 1.25 + 3.75) * 1.25 - 6) * 1.25 + 3;
  EXPECT_EQ(taps.from, (std::vector<int64_t>{0, 1}));
  EXPECT_NEAR(taps.weight[0], near / (near + far), 1e-12);
}

}  // namespace
}  // namespace vitrail
