#pragma once
// A step for each kind of layer. Adding one: its function here, its case in make_step.cpp, its file beside
// them.
//
// A maker does everything that depends on shapes (tables, oneDNN primitives, packed weights) and returns a
// Step whose execute() only computes. Steps hold no mutable state: everything that changes lies in the run's
// Memory.

#include "vitrail/engine/memory_budget.h"
#include "vitrail/engine/packed_weights.h"
#include "vitrail/engine/program.h"

namespace vitrail::engine_detail {

struct StepContext {
  const Network& network;
  PackedWeights& weights;
  const dnnl::engine& engine;
  int threads;
  bool bf16 = false;  ///< products may round their operands
  Thrift thrift = Thrift::none;

  const Shape& shape(ValueId id) const { return network.shape(id); }
};

Step make_step(const StepContext& context, const Layer& layer);
/// Whether its step writes a channels-last map whose pixels lie further apart than they are long.
bool makes_maps_with_gaps(const StepContext& context, const Layer& layer);
/// Floats from one pixel of a channels-last map to the next.
int64_t pixel_step(const StepContext& context, ValueId map);

/// The row-major input tensor `index` into storage layout, and a value into output tensor `index`.
Step make_input_step(const Network& network, const NetworkPort& input, size_t index);
Step make_output_step(const Network& network, const NetworkPort& output, size_t index);

Step make_convolution(const StepContext& context, const Layer& layer, const op::Conv& conv);
Step make_enlarged_products(const StepContext& context, const Layer& layer, const op::Conv& conv);
/// A 1x1 convolution that our own matrix product does.
bool is_pointwise(const StepContext& context, const Layer& layer, const op::Conv& conv);
Step make_pointwise(const StepContext& context, const Layer& layer, const op::Conv& conv);
/// A convolution that runs in bf16.
bool is_patch_product(const StepContext& context, const Layer& layer, const op::Conv& conv);
Step make_patch_product(const StepContext& context, const Layer& layer, const op::Conv& conv);
Step make_row_strips(const StepContext& context, const Layer& layer);
Step make_winograd(const StepContext& context, const Layer& layer, const op::Conv& conv);
Step make_deconvolution(const StepContext& context, const Layer& layer, const op::ConvTranspose& conv);
Step make_batch_norm(const StepContext& context, const Layer& layer, const op::BatchNormalization& norm);
Step make_clamp(const StepContext& context, const Layer& layer, Activation activation);
Step make_sigmoid(const StepContext& context, const Layer& layer);
enum class Binary { add, multiply };
Step make_binary(const StepContext& context, const Layer& layer, Binary kind);
Step make_concat(const StepContext& context, const Layer& layer, const op::Concat& concat);
Step make_max_pool(const StepContext& context, const Layer& layer, const op::MaxPool& pool);
Step make_average_pool(const StepContext& context, const Layer& layer, const op::AveragePool& pool);
Step make_global_average_pool(const StepContext& context, const Layer& layer);
Step make_resize(const StepContext& context, const Layer& layer, const op::Resize& resize);
Step make_antialiased_resize(const StepContext& context, const Layer& layer, const op::Resize& resize);
Step make_resize_argmax(const StepContext& context, const Layer& layer, const op::Resize& resize);
Step make_crop(const StepContext& context, const Layer& layer, const op::Crop& crop);
Step make_pad(const StepContext& context, const Layer& layer, const op::Pad& pad);
Step make_softmax(const StepContext& context, const Layer& layer, const op::Softmax& softmax);
Step make_log_softmax(const StepContext& context, const Layer& layer, const op::LogSoftmax& softmax);
Step make_argmax(const StepContext& context, const Layer& layer, const op::ArgMax& argmax);

/// A step of our own kernels with its report, reads and writes filled in.
Step step_of(const StepContext& context, const Layer& layer, const char* kind);

}  // namespace vitrail::engine_detail
