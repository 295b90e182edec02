#include "vitrail/engine/steps/resample.h"

#include <algorithm>
#include <cmath>

#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail {
namespace {

// The input coordinate of output position `at`. Where the sizes give the scale, multiplying first keeps whole
// coordinates whole (3 * (1/3) would not be).
double coordinate(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at) {
  const auto unscaled = [&](double x) {
    return resize.scales ? x / (*resize.scales)[axis]
                         : x * static_cast<double>(in) / static_cast<double>(out);
  };
  const auto x = static_cast<double>(at);
  switch (resize.coordinates) {
    case op::CoordinateMode::half_pixel: return unscaled(x + 0.5) - 0.5;
    case op::CoordinateMode::align_corners:
      return out == 1 ? 0.0 : x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
    case op::CoordinateMode::asymmetric: return unscaled(x);
    case op::CoordinateMode::pytorch_half_pixel: return out == 1 ? 0.0 : unscaled(x + 0.5) - 0.5;
  }
  return 0;
}

double rounded(op::NearestMode mode, double x) {
  switch (mode) {
    case op::NearestMode::round_prefer_floor: return std::ceil(x - 0.5);
    case op::NearestMode::round_prefer_ceil: return std::floor(x + 0.5);
    case op::NearestMode::floor: return std::floor(x);
    case op::NearestMode::ceil: return std::ceil(x);
  }
  return x;
}

// Keys' cubic convolution at distance `t` (in [0, 1)) after the second of four samples.
std::array<double, 4> cubic_weights(double t, double a) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

Taps taps_at(const op::Resize& resize, double x, int64_t in) {
  const auto inside = [in](double position) {
    return static_cast<int64_t>(std::clamp(position, 0.0, static_cast<double>(in - 1)));
  };
  Taps taps;
  if (resize.mode == op::ResizeMode::nearest) {
    taps.from[0] = inside(rounded(resize.nearest, x));
    taps.weight[0] = 1;
  } else if (resize.mode == op::ResizeMode::linear) {
    x = std::clamp(x, 0.0, static_cast<double>(in - 1));
    const double low = std::floor(x);
    taps.from = {inside(low), inside(low + 1)};
    taps.weight = {static_cast<float>(1 - (x - low)), static_cast<float>(x - low)};
  } else {
    const double low = std::floor(x);
    const std::array<double, 4> weights = cubic_weights(x - low, resize.cubic_a);
    for (size_t i = 0; i < 4; ++i) {
      taps.from[i] = inside(low - 1 + static_cast<double>(i));
      taps.weight[i] = static_cast<float>(weights[i]);
    }
  }
  return taps;
}

}  // namespace

AxisTaps axis_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out) {
  AxisTaps result;
  result.taps = resize.mode == op::ResizeMode::nearest ? 1 : resize.mode == op::ResizeMode::linear ? 2 : 4;
  for (int64_t at = 0; at < out; ++at)
    result.outputs.push_back(taps_at(resize, coordinate(resize, axis, in, out, at), in));
  return result;
}

RowTaps row_taps(const AxisTaps& taps, int64_t stride) {
  RowTaps row{taps.taps, stride, {}, {}};
  row.from.assign(static_cast<size_t>(taps.taps * stride), 0);
  row.weight.assign(static_cast<size_t>(taps.taps * stride), 0.0f);
  for (size_t x = 0; x < taps.outputs.size(); ++x)
    for (size_t t = 0; t < static_cast<size_t>(taps.taps); ++t) {
      row.from[t * static_cast<size_t>(stride) + x] = static_cast<int32_t>(taps.outputs[x].from[t]);
      row.weight[t * static_cast<size_t>(stride) + x] = taps.outputs[x].weight[t];
    }
  return row;
}

void resample_to_planes(const RowTaps& taps, const float* from, int64_t in, int64_t channels, float* plane,
                        float* to) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t x = 0; x < in; ++x)
      plane[x] = from[x * channels + c];
    kernel::gather_blend(plane, taps.from.data(), taps.weight.data(), taps.taps, taps.stride,
                         to + c * taps.stride);
  }
}

}  // namespace vitrail::engine_detail
