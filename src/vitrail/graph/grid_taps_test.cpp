#include "vitrail/graph/grid_taps.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Padding = op::GridSample::Padding;

constexpr int64_t kSize = 5, kBeyond = 40;

// The value at pixel `at` of a row of squares (0, 1, 4 ...) that goes on beyond its border as the padding
// says: a list that is written out, step by step.
double extended(Padding padding, bool corners, int64_t at) {
  const auto square = [](int64_t i) { return static_cast<double>(i * i) + 1; };
  if (padding == Padding::zeros) return at < 0 || at >= kSize ? 0 : square(at);
  int64_t shown = 0, step = 1;
  if (padding == Padding::border) return square(at < 0 ? 0 : at >= kSize ? kSize - 1 : at);
  if (at < 0) at = corners ? -at : -at - 1;  // the mirror image to the left
  for (int64_t i = 0; i < at; ++i) {
    const bool turns = shown + step < 0 || shown + step >= kSize;
    if (turns) step = -step;
    if (!turns || corners) shown += step;  // the pixel at the border stands twice where edges reflect
  }
  return square(shown);
}

double sampled(const op::GridSample& op, double at) {
  const GridTaps taps = grid_taps(op, at, kSize);
  double sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(taps.count); ++i) {
    EXPECT_GE(taps.from[i], 0);
    EXPECT_LT(taps.from[i], kSize);
    sum += taps.weight[i] * (static_cast<double>(taps.from[i] * taps.from[i]) + 1);
  }
  return sum;
}

// Where pixel `position` lies in the grid's own measure.
double in_grid(bool corners, double position) {
  return corners ? position / (kSize - 1) * 2 - 1 : (2 * position + 1) / kSize - 1;
}

TEST(GridTaps, ReadTheRowThatGoesOnBeyondItsBorder) {
  for (const Padding padding : {Padding::zeros, Padding::border, Padding::reflection})
    for (const bool corners : {false, true}) {
      SCOPED_TRACE(cat("padding ", static_cast<int>(padding), ", align_corners ", corners));
      const auto value = [&](int64_t pixel) { return extended(padding, corners, pixel); };
      for (int64_t low = -kBeyond; low < kBeyond; ++low)
        for (const double part : {0.1, 0.45, 0.7}) {
          const double at = in_grid(corners, static_cast<double>(low) + part);
          const auto of = [&](op::ResizeMode mode) {
            return sampled({.mode = mode, .padding = padding, .align_corners = corners}, at);
          };
          EXPECT_EQ(of(op::ResizeMode::nearest), value(part < 0.5 ? low : low + 1)) << low + part;
          EXPECT_NEAR(of(op::ResizeMode::linear), (1 - part) * value(low) + part * value(low + 1), 1e-9)
              << low + part;
          double cubic = 0;
          for (int64_t i = -1; i < 3; ++i) {
            const double d = std::abs(part - static_cast<double>(i)), a = -0.75;
            cubic += value(low + i) * (d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1
                                              : a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a);
          }
          EXPECT_NEAR(of(op::ResizeMode::cubic), cubic, 1e-9) << low + part;
        }
    }
}

TEST(GridTaps, OfOnePixel) {
  for (const Padding padding : {Padding::border, Padding::reflection})
    for (const bool corners : {false, true})
      for (const double at : {-3.0, -0.3, 0.0, 0.8, 17.0}) {
        const GridTaps taps = grid_taps({.padding = padding, .align_corners = corners}, at, 1);
        EXPECT_EQ(taps.from[0], 0);
        EXPECT_EQ(taps.from[1], 0);
        EXPECT_NEAR(taps.weight[0] + taps.weight[1], 1, 1e-12);
      }
}

}  // namespace
}  // namespace vitrail
