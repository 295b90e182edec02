#include "vitrail/graph/resize_positions.h"

#include <algorithm>
#include <cmath>

namespace vitrail {
namespace {

double rounded(op::NearestMode mode, double x) {
  switch (mode) {
    case op::NearestMode::round_prefer_floor: return std::ceil(x - 0.5);
    case op::NearestMode::round_prefer_ceil: return std::floor(x + 0.5);
    case op::NearestMode::floor: return std::floor(x);
    case op::NearestMode::ceil: return std::ceil(x);
  }
  return x;
}

// Keys' cubic convolution (1981) at distance `t` (in [0, 1)) after the second of four samples.
std::array<double, 4> cubic_weights(double t, double a) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

// The coordinate within the part of the input that `roi` names, stretched over the whole output.
double crop_position(const op::Resize& resize, size_t axis, double last, int64_t out, double x) {
  const std::array<double, 4> roi = resize.roi.value_or(std::array<double, 4>{0, 0, 1, 1});
  const double start = roi[axis], end = roi[axis + 2];
  if (out == 1) return (start + end) / 2 * last;
  return start * last + x * (end - start) * last / static_cast<double>(out - 1);
}

}  // namespace

double resize_position(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at) {
  // Where the sizes give the scale, multiplying first keeps whole coordinates whole (3 * (1/3) would not be).
  const auto unscaled = [&](double x) {
    return resize.scales ? x / (*resize.scales)[axis]
                         : x * static_cast<double>(in) / static_cast<double>(out);
  };
  const auto x = static_cast<double>(at), size = static_cast<double>(in);
  switch (resize.coordinates) {
    case op::CoordinateMode::half_pixel: return unscaled(x + 0.5) - 0.5;
    case op::CoordinateMode::align_corners:
      return out == 1 ? 0.0 : x * (size - 1) / static_cast<double>(out - 1);
    case op::CoordinateMode::asymmetric: return unscaled(x);
    case op::CoordinateMode::pytorch_half_pixel: return out == 1 ? 0.0 : unscaled(x + 0.5) - 0.5;
    case op::CoordinateMode::half_pixel_symmetric: {
      // What rounding the output's size down cut off is divided between both sides.
      const double covered = resize.scales ? static_cast<double>(out) / (size * (*resize.scales)[axis]) : 1;
      return size / 2 * (1 - covered) + unscaled(x + 0.5) - 0.5;
    }
    case op::CoordinateMode::tf_half_pixel_for_nn: return unscaled(x + 0.5);
    case op::CoordinateMode::tf_crop_and_resize: return crop_position(resize, axis, size - 1, out, x);
  }
  return 0;
}

ResizeTaps resize_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at) {
  const double last = static_cast<double>(in - 1);
  const auto inside = [last](double position) {
    return static_cast<int64_t>(std::clamp(position, 0.0, last));
  };
  double x = resize_position(resize, axis, in, out, at);
  // A sample on the border must not fall off by the rounding of its position.
  constexpr double slack = 1e-9;
  const bool outside = resize.coordinates == op::CoordinateMode::tf_crop_and_resize &&
                       !(x >= -slack * last && x <= last + slack * last);
  ResizeTaps taps;
  if (resize.mode == op::ResizeMode::nearest) {
    taps.from[0] = inside(rounded(resize.nearest, x));
    taps.weight[0] = 1;
  } else if (resize.mode == op::ResizeMode::linear) {
    x = std::clamp(x, 0.0, last);
    const double low = std::floor(x);
    taps = {2, {inside(low), inside(low + 1)}, {1 - (x - low), x - low}};
  } else {
    const double low = std::floor(x);
    taps = {4, {}, cubic_weights(x - low, resize.cubic_a)};
    for (size_t i = 0; i < 4; ++i)
      taps.from[i] = inside(low - 1 + static_cast<double>(i));
  }
  if (outside) taps.weight.fill(0);
  return taps;
}

}  // namespace vitrail
