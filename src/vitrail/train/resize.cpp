// Resize of operators.h. LibTorch's own kernels where they compute exactly what ONNX asks for; else each axis
// is a product with a small constant matrix (interpolation is linear), whose gradient comes for free.

#include <cmath>

#include "vitrail/graph/resize_positions.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {
namespace {

std::vector<int64_t> nearest_indices(const op::Resize& op, size_t axis, int64_t in, int64_t out) {
  std::vector<int64_t> indices(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i)
    indices[static_cast<size_t>(i)] = resize_taps(op, axis, in, out, i).from[0];
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

at::Tensor resize_nearest(const op::Resize& op, const at::Tensor& x, int64_t height, int64_t width) {
  const std::vector<int64_t> row = nearest_indices(op, 0, x.size(2), height);
  const std::vector<int64_t> column = nearest_indices(op, 1, x.size(3), width);
  const int64_t down = repetition(row, x.size(2)), across = repetition(column, x.size(3));
  if (down > 0 && across > 0)
    return x.unsqueeze(3)
        .unsqueeze(5)
        .expand({-1, -1, -1, down, -1, across})
        .reshape({x.size(0), x.size(1), height, width});
  return x.index_select(2, at::tensor(row, at::kLong)).index_select(3, at::tensor(column, at::kLong));
}

/// [out, in]: y = matrix x along one axis.
at::Tensor interpolation_matrix(const op::Resize& op, size_t axis, int64_t in, int64_t out,
                                at::ScalarType type) {
  at::Tensor matrix = at::zeros({out, in}, at::kDouble);
  auto m = matrix.accessor<double, 2>();
  for (int64_t i = 0; i < out; ++i) {
    const ResizeTaps taps = resize_taps(op, axis, in, out, i);
    for (size_t k = 0; k < taps.from.size(); ++k)
      m[i][taps.from[k]] += taps.weight[k];
  }
  return matrix.to(type);
}

}  // namespace

at::Tensor resize(const op::Resize& op, const at::Tensor& x, const Shape& output) {
  using C = op::CoordinateMode;
  const int64_t height = output[2], width = output[3];
  if (op.mode == op::ResizeMode::nearest && op.coordinates != C::tf_crop_and_resize)
    return resize_nearest(op, x, height, width);

  const bool half_pixel =
      op.coordinates == C::half_pixel || (op.coordinates == C::pytorch_half_pixel && height > 1 && width > 1);
  const bool corners = op.coordinates == C::align_corners;
  if (op.mode == op::ResizeMode::linear && !op.antialias && (half_pixel || corners)) {
    const auto scale = [&](size_t d) {
      return op.scales ? (*op.scales)[d]
                       : static_cast<double>(output[2 + d]) /
                             static_cast<double>(x.size(static_cast<int64_t>(2 + d)));
    };
    return at::upsample_bilinear2d(x, {height, width}, corners, scale(0), scale(1));
  }
  const at::Tensor down = interpolation_matrix(op, 0, x.size(2), height, x.scalar_type());
  const at::Tensor across = interpolation_matrix(op, 1, x.size(3), width, x.scalar_type());
  return at::matmul(at::matmul(down, x), across.t());
}

at::Tensor resize(const op::Resize& op, const OperatorCall& call) {
  const at::Tensor& x = call.inputs[0];
  if (!call.has(2)) return resize(op, x, call.has(1) ? call.inputs[1].sizes().vec() : call.output);
  op::Resize known = op;  // its target has been computed by now
  Shape output = x.sizes().vec();
  const at::Tensor target = call.inputs[2].to(at::kDouble);
  const double down = target[0].item<double>(), across = target[1].item<double>();
  if (call.inputs[2].is_floating_point()) {
    known.scales = {down, across};
    output[2] = static_cast<int64_t>(std::floor(static_cast<double>(x.size(2)) * down));
    output[3] = static_cast<int64_t>(std::floor(static_cast<double>(x.size(3)) * across));
  } else {
    output[2] = static_cast<int64_t>(down);
    output[3] = static_cast<int64_t>(across);
  }
  return resize(known, x, output);
}

}  // namespace vitrail::train
