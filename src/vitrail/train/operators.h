#pragma once
// Operators of graph/op.h as differentiable LibTorch calls with ONNX's semantics. module.cpp calls
// `apply_operator`; the subjects behind it are free functions, so that each can be tested against a naive
// loop.
//
//   OperatorCall call{.inputs = {x, weight}, .output = {2, 16, 90, 120}};
//   at::Tensor y = apply_operator(op::Conv{.pads = {1, 1, 1, 1}}, call);
//
// Integers and booleans are CPU tensors of their own type; sizes that the graph computes are read from them
// as the pass goes along.

#include <vector>

#include <torch/torch.h>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/op.h"

namespace vitrail::train {

/// What an operator reads, and what is known of its result.
struct OperatorCall {
  std::vector<at::Tensor> inputs;    ///< undefined where an optional one is left out
  Shape output;                      ///< as shape inference found it; -1 where values decide
  at::ScalarType real = at::kFloat;  ///< what the graph's f32 is computed in
  bool overwrite = false;            ///< inputs[0] is nobody else's: an activation may work in place

  bool has(size_t i) const { return i < inputs.size() && inputs[i].defined(); }
  at::Tensor optional(size_t i) const { return i < inputs.size() ? inputs[i] : at::Tensor(); }
};

/// Any operator, as inference computes it: batch normalisation by its running statistics, dropout not at all.
/// (What they do in training is Module's.) Throws c10::Error for values that do not fit (an index out of
/// range), and Error where the operator says so.
at::Tensor apply_operator(const Op& op, const OperatorCall& call);

// ---- windows over space (operators_window.cpp, resize.cpp) -----------------------------------------------
// Tensors are N x C x H x W; `bias` may be undefined.

at::Tensor convolution(const op::Conv& op, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& bias);
at::Tensor transposed_convolution(const op::ConvTranspose& op, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias);

/// `output` is the shape that shape inference found: with ceil_mode and auto_pad it decides how far to pad.
at::Tensor max_pool(const op::MaxPool& op, const at::Tensor& x, const Shape& output);
at::Tensor max_pool_indices(const op::MaxPoolIndices& op, const at::Tensor& x, const Shape& output);
at::Tensor max_unpool(const at::Tensor& x, const at::Tensor& indices, const at::Tensor& reference);
at::Tensor average_pool(const op::AveragePool& op, const at::Tensor& x, const Shape& output);

/// H and W of `output` are the target size.
at::Tensor resize(const op::Resize& op, const at::Tensor& x, const Shape& output);
/// The target is what `call` brings: a reference, a computed target, or the operator's own.
at::Tensor resize(const op::Resize& op, const OperatorCall& call);
/// At the halves of `nearest` LibTorch reflects before it rounds.
at::Tensor grid_sample(const op::GridSample& op, const at::Tensor& x, const at::Tensor& grid);
at::Tensor crop(const op::Crop& op, const at::Tensor& x, const at::Tensor& reference);
at::Tensor pad(const op::Pad& op, const at::Tensor& x);

at::Tensor local_response_normalization(const op::LRN& op, const at::Tensor& x);
at::Tensor depth_to_space(const op::DepthToSpace& op, const at::Tensor& x);
at::Tensor space_to_depth(const op::SpaceToDepth& op, const at::Tensor& x);

// ---- element by element (operators_elementwise.cpp) ------------------------------------------------------

/// In place where `overwrite`, with a gradient that needs the result alone.
at::Tensor relu(const at::Tensor& x, bool overwrite);
at::Tensor clip(const op::Clip& op, const at::Tensor& x, bool overwrite);
at::Tensor unary(const op::Unary& op, const at::Tensor& x);
at::Tensor binary(const op::Binary& op, const at::Tensor& a, const at::Tensor& b);
at::Tensor quantize(const op::QuantizeLinear& op, const OperatorCall& call);
at::Tensor dequantize(const op::DequantizeLinear& op, const OperatorCall& call);

// ---- tensors of any rank (operators_tensor.cpp) ----------------------------------------------------------

/// `type` of the graph as LibTorch's, with f32, f16 and bf16 as `real`.
at::ScalarType scalar_type(DataType type, at::ScalarType real);
at::Tensor constant(const Tensor& value, at::ScalarType real);
at::Tensor shape_of(const op::ShapeOf& op, const at::Tensor& x);
at::Tensor reshape(const op::Reshape& op, const at::Tensor& x, const at::Tensor& sizes);
at::Tensor flatten(const op::Flatten& op, const at::Tensor& x);
at::Tensor squeeze(const op::Squeeze& op, const at::Tensor& x);
at::Tensor unsqueeze(const op::Unsqueeze& op, const at::Tensor& x);
at::Tensor transpose(const op::Transpose& op, const at::Tensor& x);
at::Tensor expand(const at::Tensor& x, const at::Tensor& sizes);
at::Tensor tile(const at::Tensor& x, const at::Tensor& repeats);
at::Tensor slice(const OperatorCall& call);
at::Tensor gather(const op::Gather& op, const at::Tensor& x, const at::Tensor& indices);
at::Tensor gather_elements(const op::GatherElements& op, const at::Tensor& x, const at::Tensor& indices);
at::Tensor range(const at::Tensor& start, const at::Tensor& limit, const at::Tensor& delta);
at::Tensor constant_of_shape(const op::ConstantOfShape& op, const at::Tensor& sizes, at::ScalarType real);
at::Tensor reduce(const op::Reduce& op, const at::Tensor& x);
at::Tensor cumulative_sum(const op::CumSum& op, const at::Tensor& x);
at::Tensor top_k(const op::TopK& op, const at::Tensor& x, const at::Tensor& k);
at::Tensor layer_normalization(const op::LayerNormalization& op, const OperatorCall& call);
at::Tensor instance_normalization(const op::InstanceNormalization& op, const OperatorCall& call);

}  // namespace vitrail::train
