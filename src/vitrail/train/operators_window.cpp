#include <algorithm>
#include <limits>

#include "vitrail/graph/shape_inference.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {
namespace {

Pair spatial(const at::Tensor& x) {
  return {x.size(2), x.size(3)};
}

bool is_symmetric(const Pads& pads) {
  return pads[0] == pads[2] && pads[1] == pads[3] && pads[0] >= 0 && pads[1] >= 0;
}

/// LibTorch's order is the last dimension first: {left, right, top, bottom}.
std::vector<int64_t> torch_order(const Pads& pads) {
  return {pads[1], pads[3], pads[0], pads[2]};
}

/// Rows and columns from a dilated window's first to its last pixel.
Pair extent(const Pair& kernel, const Pair& dilations) {
  return {(kernel[0] - 1) * dilations[0] + 1, (kernel[1] - 1) * dilations[1] + 1};
}

/// How much to pad below and to the right (negative: cut off) so that windows cover exactly `output`
/// positions.
Pads pads_to_cover(const Pads& pads, const Pair& input, const Pair& kernel, const Pair& strides,
                   const Shape& output) {
  Pads result = pads;
  for (size_t i = 0; i < 2; ++i)
    result[i + 2] = (output[i + 2] - 1) * strides[i] + kernel[i] - input[i] - pads[i];
  return result;
}

/// Whether LibTorch's own padding and rounding give what ONNX asks for.
bool is_native_pool(const Pads& pads, const Pair& input, const Pair& kernel, const Pair& strides,
                    bool ceil_mode, const Shape& output) {
  if (!is_symmetric(pads)) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (2 * pads[i] > kernel[i]) return false;
    const int64_t room = input[i] + 2 * pads[i] - kernel[i];
    int64_t size = (ceil_mode ? (room + strides[i] - 1) / strides[i] : room / strides[i]) + 1;
    if (ceil_mode && (size - 1) * strides[i] >= input[i] + pads[i]) --size;
    if (size != output[i + 2]) return false;
  }
  return true;
}

/// What LibTorch's max pooling is asked for: a padding that it does itself, or one that has been done.
struct MaxWindows {
  at::Tensor x;
  Pair padding{0, 0};
  bool ceil_mode = false;
  Pair shift{0, 0};  ///< rows and columns that x has before those of the tensor that is pooled
};

MaxWindows max_windows(const op::MaxPool& op, const at::Tensor& x, const Shape& output) {
  const Pads pads = resolved_pads(op.auto_pad, op.pads, spatial(x), op.kernel, op.strides, op.dilations);
  const Pair window = extent(op.kernel, op.dilations);
  const bool fits = 2 * pads[0] <= op.kernel[0] && 2 * pads[1] <= op.kernel[1];
  if (fits && is_native_pool(pads, spatial(x), window, op.strides, op.ceil_mode, output))
    return {x, {pads[0], pads[1]}, op.ceil_mode, {0, 0}};
  const Pads cover = pads_to_cover(pads, spatial(x), window, op.strides, output);
  const double nothing = -std::numeric_limits<double>::infinity();
  return {at::constant_pad_nd(x, torch_order(cover), nothing), {0, 0}, false, {pads[0], pads[1]}};
}

/// Pixels under each window that count in the mean, [1, 1, H, W].
at::Tensor window_counts(const op::AveragePool& op, const Pads& pads, const Pads& cover,
                         const at::Tensor& x) {
  at::Tensor ones = at::ones({1, 1, x.size(2), x.size(3)}, x.options());
  Pads rest = cover;
  if (op.count_include_pad) {
    ones = at::constant_pad_nd(ones, torch_order(pads), 1);
    for (size_t i = 0; i < 4; ++i)
      rest[i] = cover[i] - pads[i];
  }
  ones = at::constant_pad_nd(ones, torch_order(rest), 0);
  return at::avg_pool2d(ones, op.kernel, op.strides) * static_cast<double>(op.kernel[0] * op.kernel[1]);
}

}  // namespace

at::Tensor convolution(const op::Conv& op, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& bias) {
  const Pads pads = resolved_pads(op.auto_pad, op.pads, spatial(x), {weight.size(2), weight.size(3)},
                                  op.strides, op.dilations);
  const bool symmetric = is_symmetric(pads);
  const at::Tensor padded = symmetric ? x : at::constant_pad_nd(x, torch_order(pads), 0);
  const Pair padding = symmetric ? Pair{pads[0], pads[1]} : Pair{0, 0};
  return at::conv2d(padded, weight, bias, op.strides, padding, op.dilations, op.group);
}

at::Tensor transposed_convolution(const op::ConvTranspose& op, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias) {
  if (is_symmetric(op.pads) && op.output_padding[0] < std::max(op.strides[0], op.dilations[0]) &&
      op.output_padding[1] < std::max(op.strides[1], op.dilations[1]))
    return at::conv_transpose2d(x, weight, bias, op.strides, Pair{op.pads[0], op.pads[1]}, op.output_padding,
                                op.group, op.dilations);
  // Pads cut the full result, output_padding adds bias alone below and to the right.
  at::Tensor y =
      at::conv_transpose2d(x, weight, {}, op.strides, Pair{0, 0}, Pair{0, 0}, op.group, op.dilations);
  y = at::constant_pad_nd(
      y, {-op.pads[1], op.output_padding[1] - op.pads[3], -op.pads[0], op.output_padding[0] - op.pads[2]});
  return bias.defined() ? y + bias.view({1, -1, 1, 1}) : y;
}

at::Tensor max_pool(const op::MaxPool& op, const at::Tensor& x, const Shape& output) {
  const MaxWindows w = max_windows(op, x, output);
  return at::max_pool2d(w.x, op.kernel, op.strides, w.padding, op.dilations, w.ceil_mode);
}

at::Tensor max_pool_indices(const op::MaxPoolIndices& op, const at::Tensor& x, const Shape& output) {
  const op::MaxPool pool{
      .kernel = op.kernel, .strides = op.strides, .pads = op.pads, .ceil_mode = op.ceil_mode};
  const MaxWindows w = max_windows(pool, x.detach(), output);
  at::Tensor in_plane = std::get<1>(
      at::max_pool2d_with_indices(w.x, op.kernel, op.strides, w.padding, pool.dilations, w.ceil_mode));
  const int64_t width = w.x.size(3);  // positions count within the padded plane
  const at::Tensor row = at::div(in_plane, width, "floor") - w.shift[0];
  const at::Tensor column = at::remainder(in_plane, width) - w.shift[1];
  const at::Tensor planes = at::arange(x.size(0) * x.size(1), in_plane.options().dtype(at::kLong));
  return (planes.view({x.size(0), x.size(1), 1, 1}) * x.size(2) + row) * x.size(3) + column;
}

at::Tensor max_unpool(const at::Tensor& x, const at::Tensor& indices, const at::Tensor& reference) {
  const at::Tensor flat = at::zeros({reference.numel()}, x.options());
  const at::Tensor y = at::scatter(flat, 0, indices.reshape({-1}), x.reshape({-1}));
  return y.view(reference.sizes()).contiguous(x.suggest_memory_format());
}

at::Tensor average_pool(const op::AveragePool& op, const at::Tensor& x, const Shape& output) {
  const Pads pads = resolved_pads(op.auto_pad, op.pads, spatial(x), op.kernel, op.strides, {1, 1});
  if (is_native_pool(pads, spatial(x), op.kernel, op.strides, op.ceil_mode, output))
    return at::avg_pool2d(x, op.kernel, op.strides, Pair{pads[0], pads[1]}, op.ceil_mode,
                          op.count_include_pad);
  const Pads cover = pads_to_cover(pads, spatial(x), op.kernel, op.strides, output);
  const at::Tensor padded = at::constant_pad_nd(x, torch_order(cover), 0);
  const at::Tensor sums =
      at::avg_pool2d(padded, op.kernel, op.strides) * static_cast<double>(op.kernel[0] * op.kernel[1]);
  return sums / window_counts(op, pads, cover, x);
}

at::Tensor crop(const op::Crop& op, const at::Tensor& x, const at::Tensor& reference) {
  return x.narrow(2, op.top, reference.size(2)).narrow(3, op.left, reference.size(3));
}

at::Tensor grid_sample(const op::GridSample& op, const at::Tensor& x, const at::Tensor& grid) {
  const int64_t mode = op.mode == op::ResizeMode::linear ? 0 : op.mode == op::ResizeMode::nearest ? 1 : 2;
  return at::grid_sampler(x, grid, mode, static_cast<int64_t>(op.padding), op.align_corners);
}

at::Tensor pad(const op::Pad& op, const at::Tensor& x) {
  Pads cut{}, grow{};
  for (size_t i = 0; i < 4; ++i) {
    cut[i] = std::min<int64_t>(op.pads[i], 0);
    grow[i] = std::max<int64_t>(op.pads[i], 0);
  }
  const at::Tensor inner = at::constant_pad_nd(x, torch_order(cut));
  switch (op.mode) {
    case op::PadMode::reflect: return at::reflection_pad2d(inner, torch_order(grow));
    case op::PadMode::edge: return at::replication_pad2d(inner, torch_order(grow));
    case op::PadMode::constant: break;
  }
  return at::constant_pad_nd(inner, torch_order(grow), op.value);
}

at::Tensor local_response_normalization(const op::LRN& op, const at::Tensor& x) {
  const int64_t before = (op.size - 1) / 2, channels = x.size(1);
  const at::Tensor squares = at::constant_pad_nd(x * x, {0, 0, 0, 0, before, op.size - 1 - before}, 0);
  at::Tensor sums = squares.narrow(1, 0, channels);
  for (int64_t k = 1; k < op.size; ++k)
    sums = sums + squares.narrow(1, k, channels);
  return x / at::pow(op.bias + op.alpha / static_cast<double>(op.size) * sums, op.beta);
}

at::Tensor depth_to_space(const op::DepthToSpace& op, const at::Tensor& x) {
  const int64_t n = x.size(0), b = op.block, depth = x.size(1) / (b * b), h = x.size(2), w = x.size(3);
  if (op.mode == op::DepthToSpace::Mode::crd)
    return x.reshape({n, depth, b, b, h, w}).permute({0, 1, 4, 2, 5, 3}).reshape({n, depth, h * b, w * b});
  return x.reshape({n, b, b, depth, h, w}).permute({0, 3, 4, 1, 5, 2}).reshape({n, depth, h * b, w * b});
}

at::Tensor space_to_depth(const op::SpaceToDepth& op, const at::Tensor& x) {
  const int64_t n = x.size(0), b = op.block, c = x.size(1), h = x.size(2) / b, w = x.size(3) / b;
  return x.reshape({n, c, h, b, w, b}).permute({0, 3, 5, 1, 2, 4}).reshape({n, c * b * b, h, w});
}

}  // namespace vitrail::train
