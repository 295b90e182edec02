#pragma once
// Dilated convolutions with SAME padding, in words that every runtime accepts; internal to onnx/.
//
// ONNX allows auto_pad together with dilations, but ONNX Runtime (1.30) refuses to run it.

#include <optional>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/op.h"

namespace vitrail::onnx_files {

struct SettledConv {
  op::Conv conv;
  std::optional<Tensor> weight;  ///< in place of the convolution's own, where set
};

/// The same convolution without SAME padding beside dilations. `x` is its input's shape, -1 where unknown.
/// Where the padding does not depend on the unknown sizes (always at stride 1) it becomes explicit; otherwise
/// the kernel is spread out with zeros, so that it needs no dilation.
SettledConv settled_same_padding(const op::Conv& conv, const Shape& x, const Tensor& weight);

}  // namespace vitrail::onnx_files
