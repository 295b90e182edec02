#include "vitrail/graph/grid_taps.h"

#include <algorithm>
#include <cmath>

#include "vitrail/graph/resize_positions.h"

namespace vitrail {
namespace {

// Pixels from the first one's centre, within bounds that a whole number keeps.
double position_of(const op::GridSample& op, double at, int64_t size) {
  constexpr double farthest = 0x1p40;
  const auto pixels = static_cast<double>(size);
  const double x = op.align_corners ? (at + 1) / 2 * (pixels - 1) : ((at + 1) * pixels - 1) / 2;
  return std::isnan(x) ? -farthest : std::clamp(x, -farthest, farthest);
}

// The row of pixels is followed by its mirror image, over and over.
int64_t reflected(const op::GridSample& op, int64_t pixel, int64_t size) {
  const int64_t period = op.align_corners ? 2 * (size - 1) : 2 * size;
  if (period == 0) return 0;
  const int64_t at = (pixel % period + period) % period;
  return at < size ? at : (op.align_corners ? period : period - 1) - at;
}

}  // namespace

GridTaps grid_taps(const op::GridSample& op, double at, int64_t size) {
  const double x = position_of(op, at, size);
  const double low = op.mode == op::ResizeMode::nearest ? std::nearbyint(x) : std::floor(x);
  const double part = x - low;
  GridTaps taps;
  switch (op.mode) {
    case op::ResizeMode::nearest: taps = {1, {}, {1}}; break;
    case op::ResizeMode::linear: taps = {2, {}, {1 - part, part}}; break;
    case op::ResizeMode::cubic: taps = {4, {}, cubic_weights(part, -0.75)}; break;
  }
  const int64_t first = static_cast<int64_t>(low) - (op.mode == op::ResizeMode::cubic ? 1 : 0);
  for (size_t i = 0; i < static_cast<size_t>(taps.count); ++i) {
    const int64_t pixel = first + static_cast<int64_t>(i), inside = std::clamp<int64_t>(pixel, 0, size - 1);
    if (op.padding == op::GridSample::Padding::zeros && inside != pixel) taps.weight[i] = 0;
    taps.from[i] = op.padding == op::GridSample::Padding::reflection ? reflected(op, pixel, size) : inside;
  }
  return taps;
}

}  // namespace vitrail
