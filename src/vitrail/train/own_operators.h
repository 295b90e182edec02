#pragma once
// Our own operators (graph/own_ops.h) for training: dynamic deconvolution and EncNet's Encoding layer.
//
//   at::Tensor d = dynamic_deconvolution({.stride = 2}, m, v, image);   // [N,C,H,W] of the image's H and W
//   d.sum().backward();                                                 // gradients of m and v
//
// f32 on a CPU takes the engine's kernels (engine/kernels/), forward and backward; every other type and
// device takes the `..._composed` forms, which say the same in LibTorch's own operators and need some nine
// times (dynamic deconvolution) or K times (Encoding) the memory of the input.

#include <torch/torch.h>

#include "vitrail/graph/own_ops.h"

namespace vitrail::train {

/// m: [N,C,h,w], v: [N,9,h,w]. The result has the `reference`'s H and W where it is defined, else stride * h
/// and stride * w.
at::Tensor dynamic_deconvolution(const op::DynamicDeconvolution& op, const at::Tensor& m, const at::Tensor& v,
                                 const at::Tensor& reference);
at::Tensor dynamic_deconvolution_composed(const op::DynamicDeconvolution& op, const at::Tensor& m,
                                          const at::Tensor& v, const at::Tensor& reference);

/// x: [N,D,H,W], codewords: [K,D], smoothing: [K]. Result: [N,K,D].
at::Tensor encoding(const at::Tensor& x, const at::Tensor& codewords, const at::Tensor& smoothing);
at::Tensor encoding_composed(const at::Tensor& x, const at::Tensor& codewords, const at::Tensor& smoothing);

}  // namespace vitrail::train
