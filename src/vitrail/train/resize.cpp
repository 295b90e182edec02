// Resize of operators.h. LibTorch's own kernels where they compute exactly what ONNX asks for; else each axis
// is a product with a small constant matrix (interpolation is linear), whose gradient comes for free.

#include <cmath>

#include "vitrail/train/operators.h"

namespace vitrail::train {
namespace {

struct Axis {
  int64_t in = 1;
  int64_t out = 1;
  double scale = 1;
};

/// ONNX coordinate_transformation_mode, as in op.h.
double source(const Axis& axis, op::CoordinateMode mode, int64_t position) {
  const double x = static_cast<double>(position);
  switch (mode) {
    case op::CoordinateMode::align_corners:
      return axis.out == 1 ? 0 : x * static_cast<double>(axis.in - 1) / static_cast<double>(axis.out - 1);
    case op::CoordinateMode::asymmetric: return x / axis.scale;
    case op::CoordinateMode::pytorch_half_pixel:
      if (axis.out == 1) return 0;
      break;
    case op::CoordinateMode::half_pixel: break;
  }
  return (x + 0.5) / axis.scale - 0.5;
}

int64_t clamped(double index, int64_t size) {
  return static_cast<int64_t>(std::min(std::max(index, 0.0), static_cast<double>(size - 1)));
}

double rounded(double x, op::NearestMode mode) {
  switch (mode) {
    case op::NearestMode::round_prefer_floor: return std::ceil(x - 0.5);
    case op::NearestMode::round_prefer_ceil: return std::floor(x + 0.5);
    case op::NearestMode::floor: return std::floor(x);
    case op::NearestMode::ceil: return std::ceil(x);
  }
  return x;
}

std::vector<int64_t> nearest_indices(const Axis& axis, const op::Resize& op) {
  std::vector<int64_t> indices(static_cast<size_t>(axis.out));
  for (int64_t i = 0; i < axis.out; ++i)
    indices[static_cast<size_t>(i)] = clamped(rounded(source(axis, op.coordinates, i), op.nearest), axis.in);
  return indices;
}

/// k when each input position is repeated k times in order, else 0.
int64_t repetition(const std::vector<int64_t>& indices, int64_t in) {
  const auto out = static_cast<int64_t>(indices.size());
  if (out % in != 0) return 0;
  for (int64_t i = 0; i < out; ++i)
    if (indices[static_cast<size_t>(i)] != i / (out / in)) return 0;
  return out / in;
}

at::Tensor resize_nearest(const op::Resize& op, const at::Tensor& x, const Axis& rows, const Axis& columns) {
  const std::vector<int64_t> row = nearest_indices(rows, op), column = nearest_indices(columns, op);
  const int64_t down = repetition(row, rows.in), across = repetition(column, columns.in);
  if (down > 0 && across > 0)
    return x.unsqueeze(3)
        .unsqueeze(5)
        .expand({-1, -1, -1, down, -1, across})
        .reshape({x.size(0), x.size(1), rows.out, columns.out});
  return x.index_select(2, at::tensor(row, at::kLong)).index_select(3, at::tensor(column, at::kLong));
}

/// Weights of taps at -1, 0, 1, 2 around floor(x), for x - floor(x) = t (Keys 1981).
std::array<double, 4> cubic_taps(double t, double a) {
  const auto near = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

/// [out, in]: y = matrix x along one axis. Positions beyond the border read the border.
at::Tensor interpolation_matrix(const Axis& axis, const op::Resize& op, at::ScalarType type) {
  at::Tensor matrix = at::zeros({axis.out, axis.in}, at::kDouble);
  auto m = matrix.accessor<double, 2>();
  for (int64_t i = 0; i < axis.out; ++i) {
    const double x = source(axis, op.coordinates, i), base = std::floor(x), t = x - base;
    if (op.mode == op::ResizeMode::cubic) {
      const std::array<double, 4> taps = cubic_taps(t, op.cubic_a);
      for (int64_t k = 0; k < 4; ++k)
        m[i][clamped(base + static_cast<double>(k - 1), axis.in)] += taps[static_cast<size_t>(k)];
    } else {
      m[i][clamped(base, axis.in)] += 1 - t;
      m[i][clamped(base + 1, axis.in)] += t;
    }
  }
  return matrix.to(type);
}

}  // namespace

at::Tensor resize(const op::Resize& op, const at::Tensor& x, const Shape& output) {
  Axis rows{x.size(2), output[2]}, columns{x.size(3), output[3]};
  rows.scale = op.scales ? (*op.scales)[0] : static_cast<double>(rows.out) / static_cast<double>(rows.in);
  columns.scale =
      op.scales ? (*op.scales)[1] : static_cast<double>(columns.out) / static_cast<double>(columns.in);
  if (op.mode == op::ResizeMode::nearest) return resize_nearest(op, x, rows, columns);

  const bool half_pixel =
      op.coordinates == op::CoordinateMode::half_pixel ||
      (op.coordinates == op::CoordinateMode::pytorch_half_pixel && rows.out > 1 && columns.out > 1);
  const bool corners = op.coordinates == op::CoordinateMode::align_corners;
  if (op.mode == op::ResizeMode::linear && (half_pixel || corners))
    return at::upsample_bilinear2d(x, {rows.out, columns.out}, corners, rows.scale, columns.scale);
  const at::Tensor down = interpolation_matrix(rows, op, x.scalar_type());
  const at::Tensor across = interpolation_matrix(columns, op, x.scalar_type());
  return at::matmul(at::matmul(down, x), across.t());
}

}  // namespace vitrail::train
