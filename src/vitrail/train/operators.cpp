#include "vitrail/train/operators.h"

#include <algorithm>
#include <limits>

#include "vitrail/graph/shape_inference.h"

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
  const Pads pads = resolved_pads(op.auto_pad, op.pads, spatial(x), op.kernel, op.strides, {1, 1});
  if (is_native_pool(pads, spatial(x), op.kernel, op.strides, op.ceil_mode, output))
    return at::max_pool2d(x, op.kernel, op.strides, Pair{pads[0], pads[1]}, Pair{1, 1}, op.ceil_mode);
  const Pads cover = pads_to_cover(pads, spatial(x), op.kernel, op.strides, output);
  const at::Tensor padded =
      at::constant_pad_nd(x, torch_order(cover), -std::numeric_limits<double>::infinity());
  return at::max_pool2d(padded, op.kernel, op.strides);
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

at::Tensor crop(const op::Crop& op, const at::Tensor& x, const Shape& output) {
  return x.narrow(2, op.top, output[2]).narrow(3, op.left, output[3]);
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

}  // namespace vitrail::train
