#pragma once
// Graph operators without parameters or state of their own as differentiable LibTorch calls, with ONNX's
// semantics. `module.cpp` calls them; they are free functions so that each can be tested against a naive
// loop.

#include <torch/torch.h>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/op.h"

namespace vitrail::train {

/// Tensors are N x C x H x W; `bias` may be undefined.
at::Tensor convolution(const op::Conv& op, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& bias);
at::Tensor transposed_convolution(const op::ConvTranspose& op, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias);

/// `output` is the shape that shape inference found: with ceil_mode and auto_pad it decides how far to pad.
at::Tensor max_pool(const op::MaxPool& op, const at::Tensor& x, const Shape& output);
at::Tensor average_pool(const op::AveragePool& op, const at::Tensor& x, const Shape& output);

/// H and W of `output` are the target size.
at::Tensor resize(const op::Resize& op, const at::Tensor& x, const Shape& output);
at::Tensor crop(const op::Crop& op, const at::Tensor& x, const Shape& output);
at::Tensor pad(const op::Pad& op, const at::Tensor& x);

}  // namespace vitrail::train
