#include "vitrail/train/operators.h"

#include "vitrail/base/error.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/normalize.h"
#include "vitrail/train/own_operators.h"
#include "vitrail/train/roi_align.h"

namespace vitrail::train {
namespace {

at::Tensor adaptive_pool(const op::AdaptivePool& op, const at::Tensor& x) {
  return op.maximum ? std::get<0>(at::adaptive_max_pool2d(x, op.bins)) : at::adaptive_avg_pool2d(x, op.bins);
}

at::Tensor chosen_boxes(const op::NonMaxSuppression& op, const OperatorCall& call) {
  std::vector<Tensor> inputs;
  for (const at::Tensor& input : call.inputs) {
    const bool real = input.defined() && input.is_floating_point();
    inputs.push_back(input.defined() ? from_torch(real ? input.to(at::kFloat) : input) : Tensor());
  }
  return to_torch(evaluate(op, inputs));
}

at::Tensor inference_batch_norm(const op::BatchNormalization& op, const std::vector<at::Tensor>& x) {
  return normalize(x[0], {x[1], x[2], x[3], x[4]}, {.batch_statistics = false, .epsilon = op.epsilon});
}

}  // namespace

at::Tensor apply_operator(const Op& any, const OperatorCall& call) {
  const std::vector<at::Tensor>& x = call.inputs;
  return std::visit(Overload{
                        // over space
                        [&](const op::Conv& op) { return convolution(op, x[0], x[1], call.optional(2)); },
                        [&](const op::ConvTranspose& op) {
                          return transposed_convolution(op, x[0], x[1], call.optional(2));
                        },
                        [&](const op::BatchNormalization& op) { return inference_batch_norm(op, x); },
                        [&](const op::MaxPool& op) { return max_pool(op, x[0], call.output); },
                        [&](const op::MaxPoolIndices& op) { return max_pool_indices(op, x[0], call.output); },
                        [&](const op::MaxUnpool&) { return max_unpool(x[0], x[1], x[2]); },
                        [&](const op::AveragePool& op) { return average_pool(op, x[0], call.output); },
                        [&](const op::GlobalAveragePool&) {
                          return at::mean(x[0], {2, 3}, /*keepdim=*/true);
                        },
                        [&](const op::GlobalMaxPool&) {
                          return at::amax(x[0], {2, 3}, /*keepdim=*/true);
                        },
                        [&](const op::LRN& op) { return local_response_normalization(op, x[0]); },
                        [&](const op::DepthToSpace& op) { return depth_to_space(op, x[0]); },
                        [&](const op::SpaceToDepth& op) { return space_to_depth(op, x[0]); },
                        [&](const op::Resize& op) { return resize(op, call); },
                        [&](const op::Crop& op) { return crop(op, x[0], x[1]); },
                        [&](const op::Pad& op) { return pad(op, x[0]); },
                        [&](const op::RoiAlign& op) { return roi_align(op, x[0], x[1], x[2]); },
                        [&](const op::GridSample& op) { return grid_sample(op, x[0], x[1]); },
                        [&](const op::NonMaxSuppression& op) { return chosen_boxes(op, call); },
                        // our own
                        [&](const op::DynamicDeconvolution& op) {
                          return dynamic_deconvolution(op, x[0], x[1], call.optional(2));
                        },
                        [&](const op::Encoding&) { return encoding(x[0], x[1], x[2]); },
                        [&](const op::AdaptivePool& op) { return adaptive_pool(op, x[0]); },
                        // element by element
                        [&](const op::Relu&) { return relu(x[0], call.overwrite); },
                        [&](const op::Clip& op) { return clip(op, x[0], call.overwrite); },
                        [&](const op::Sigmoid&) { return at::sigmoid(x[0]); },
                        [&](const op::Identity&) { return x[0]; },
                        [&](const op::Dropout&) { return x[0]; },
                        [&](const op::Add&) { return at::add(x[0], x[1]); },
                        [&](const op::Mul&) { return at::mul(x[0], x[1]); },
                        [&](const op::Unary& op) { return unary(op, x[0]); },
                        [&](const op::Binary& op) { return binary(op, x[0], x[1]); },
                        [&](const op::Where&) { return at::where(x[0].to(at::kBool), x[1], x[2]); },
                        [&](const op::Cast& op) { return x[0].to(scalar_type(op.to, call.real)); },
                        [&](const op::QuantizeLinear& op) { return quantize(op, call); },
                        [&](const op::DequantizeLinear& op) { return dequantize(op, call); },
                        // tensors of any rank
                        [&](const op::Constant& op) { return constant(op.value, call.real); },
                        [&](const op::ConstantOfShape& op) { return constant_of_shape(op, x[0], call.real); },
                        [&](const op::Range&) { return range(x[0], x[1], x[2]); },
                        [&](const op::ShapeOf& op) { return shape_of(op, x[0]); },
                        [&](const op::Reshape& op) { return reshape(op, x[0], x[1]); },
                        [&](const op::Flatten& op) { return flatten(op, x[0]); },
                        [&](const op::Squeeze& op) { return squeeze(op, x[0]); },
                        [&](const op::Unsqueeze& op) { return unsqueeze(op, x[0]); },
                        [&](const op::Transpose& op) { return transpose(op, x[0]); },
                        [&](const op::Expand&) { return expand(x[0], x[1]); },
                        [&](const op::Tile&) { return tile(x[0], x[1]); },
                        [&](const op::Concat& op) { return at::cat(x, op.axis); },
                        [&](const op::Slice&) { return slice(call); },
                        [&](const op::Gather& op) { return gather(op, x[0], x[1]); },
                        [&](const op::GatherElements& op) { return gather_elements(op, x[0], x[1]); },
                        [&](const op::Reduce& op) { return reduce(op, x[0]); },
                        [&](const op::CumSum& op) { return cumulative_sum(op, x[0]); },
                        [&](const op::MatMul&) { return at::matmul(x[0], x[1]); },
                        [&](const op::Softmax& op) { return at::softmax(x[0], op.axis); },
                        [&](const op::LogSoftmax& op) { return at::log_softmax(x[0], op.axis); },
                        [&](const op::ArgMax& op) { return at::argmax(x[0], op.axis, op.keep_dims); },
                        [&](const op::TopK& op) { return top_k(op, x[0], x[1]); },
                        [&](const op::LayerNormalization& op) { return layer_normalization(op, call); },
                        [&](const op::InstanceNormalization& op) { return instance_normalization(op, call); },
                        [&](const op::Loop&) -> at::Tensor {  // refused by name when a Module is made
                          throw Error(ErrorKind::unsupported,
                                      {.where = "Loop", .found = "it is not trained"});
                        },
                    },
                    any);
}

}  // namespace vitrail::train
