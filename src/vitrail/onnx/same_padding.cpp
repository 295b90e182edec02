#include "vitrail/onnx/same_padding.h"

#include "vitrail/base/checked.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::onnx_files {
namespace {

Tensor spread_out(const Tensor& weight, const Pair& dilations) {
  const Shape& from = weight.shape();
  const Shape to{from[0], from[1], checked_add(checked_mul(from[2] - 1, dilations[0], "kernel"), 1, "kernel"),
                 checked_add(checked_mul(from[3] - 1, dilations[1], "kernel"), 1, "kernel")};
  Tensor spread = Tensor::zeros(DataType::f32, to);
  const auto source = weight.data<float>();
  const auto target = spread.data<float>();
  size_t next = 0;
  for (int64_t map = 0; map < from[0] * from[1]; ++map)
    for (int64_t y = 0; y < from[2]; ++y)
      for (int64_t x = 0; x < from[3]; ++x)
        target[static_cast<size_t>((map * to[2] + y * dilations[0]) * to[3] + x * dilations[1])] =
            source[next++];
  return spread;
}

}  // namespace

SettledConv settled_same_padding(const op::Conv& conv, const Shape& x, const Tensor& weight) {
  SettledConv settled{.conv = conv, .weight = std::nullopt};
  const bool same = conv.auto_pad == AutoPad::same_upper || conv.auto_pad == AutoPad::same_lower;
  if (!same || conv.dilations == Pair{1, 1}) return settled;
  const Pair kernel{weight.size(2), weight.size(3)};
  bool is_known = true;
  Pair size{1, 1};  // at stride 1 any size is padded alike
  for (size_t d = 0; d < 2; ++d) {
    is_known = is_known && (conv.strides[d] == 1 || x[2 + d] >= 0);
    if (x[2 + d] >= 0) size[d] = x[2 + d];
  }
  if (is_known) {
    settled.conv.pads = resolved_pads(conv.auto_pad, conv.pads, size, kernel, conv.strides, conv.dilations);
    settled.conv.auto_pad = AutoPad::explicit_pads;
  } else {
    settled.weight = spread_out(weight.to_f32(), conv.dilations);
    settled.conv.dilations = {1, 1};
  }
  return settled;
}

}  // namespace vitrail::onnx_files
