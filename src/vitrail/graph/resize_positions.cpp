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

// The coordinate within the part of the input that `roi` names, stretched over the whole output.
double crop_position(const op::Resize& resize, size_t axis, double last, int64_t out, double x) {
  const std::array<double, 4> roi = resize.roi.value_or(std::array<double, 4>{0, 0, 1, 1});
  const double start = roi[axis], end = roi[axis + 2];
  if (out == 1) return (start + end) / 2 * last;
  return start * last + x * (end - start) * last / static_cast<double>(out - 1);
}

}  // namespace

std::array<double, 4> cubic_weights(double part, double a) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(part + 1), near(part), near(1 - part), far(2 - part)};
}

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

namespace {

// The weight of a sample at `distance` from the position.
double kernel_weight(const op::Resize& resize, double distance) {
  const double d = std::abs(distance);
  if (resize.mode == op::ResizeMode::linear) return std::max(1 - d, 0.0);
  if (d >= 2) return 0;
  const double part = d - std::floor(d);
  return cubic_weights(part, resize.cubic_a)[d < 1 ? 1 : 0];
}

// Weights of the samples from `first` on, as shares of their sum; those beyond the border count for the
// border's sample, or not at all.
ResizeTaps within(const op::Resize& resize, int64_t first, const std::vector<double>& weights, int64_t in) {
  ResizeTaps taps;
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const int64_t at = first + static_cast<int64_t>(i), inside = std::clamp<int64_t>(at, 0, in - 1);
    if (resize.exclude_outside && at != inside) continue;
    if (taps.from.empty() || taps.from.back() != inside) {
      taps.from.push_back(inside);
      taps.weight.push_back(0);
    }
    taps.weight.back() += weights[i];
    sum += weights[i];
  }
  for (double& weight : taps.weight)
    weight /= sum;
  return taps;
}

// A kernel as wide as what one result pixel covers.
ResizeTaps antialiased(const op::Resize& resize, size_t axis, double x, int64_t in, int64_t out) {
  const double covered =
      resize.scales ? 1 / (*resize.scales)[axis] : static_cast<double>(in) / static_cast<double>(out);
  const double step = std::max(covered, 1.0);
  const double reach = (resize.mode == op::ResizeMode::linear ? 1 : 2) * step;
  const auto first = static_cast<int64_t>(std::ceil(x - reach));
  std::vector<double> weights;
  for (int64_t at = first; static_cast<double>(at) <= x + reach; ++at)
    weights.push_back(kernel_weight(resize, (static_cast<double>(at) - x) / step));
  return within(resize, first, weights, in);
}

ResizeTaps cubic(const op::Resize& resize, double x, int64_t in) {
  const double low = std::floor(x);
  const std::array<double, 4> weights = cubic_weights(x - low, resize.cubic_a);
  const auto first = static_cast<int64_t>(low) - 1;
  if (resize.exclude_outside) return within(resize, first, {weights.begin(), weights.end()}, in);
  ResizeTaps taps{{}, {weights.begin(), weights.end()}};
  for (int64_t i = 0; i < 4; ++i)
    taps.from.push_back(std::clamp<int64_t>(first + i, 0, in - 1));
  return taps;
}

}  // namespace

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
  if (outside) x = 0;
  ResizeTaps taps;
  if (resize.antialias) {
    taps = antialiased(resize, axis, x, in, out);
  } else if (resize.mode == op::ResizeMode::nearest) {
    taps = {{inside(rounded(resize.nearest, x))}, {1}};
  } else if (resize.mode == op::ResizeMode::linear) {
    x = std::clamp(x, 0.0, last);
    const double low = std::floor(x);
    taps = {{inside(low), inside(low + 1)}, {1 - (x - low), x - low}};
  } else {
    taps = cubic(resize, x, in);
  }
  if (outside) std::fill(taps.weight.begin(), taps.weight.end(), 0.0);
  return taps;
}

}  // namespace vitrail
