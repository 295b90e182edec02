#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/byte_maps.h"
#include "vitrail/engine/steps/own_steps.h"
#include "vitrail/engine/steps/steps.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/takes_images.h"

namespace vitrail::engine_detail {

Step step_of(const StepContext& context, const Layer& layer, const char* kind) {
  Step step;
  step.report.name = layer.name;
  step.report.kind = kind;
  step.report.kernel = "vitrail";
  step.report.fused = layer.fused;
  step.report.output = context.shape(layer.output);
  for (const ValueId input : layer.inputs)
    if (input != no_value) step.reads.push_back(input);
  step.writes = layer.output;
  return step;
}

int64_t pixel_step(const StepContext& context, ValueId map) {
  const Place& place = context.network.value(map).place;
  return place.pixel_step > 0 ? place.pixel_step : context.shape(map).at(1);
}

namespace {

enum class ConvolutionKind { onednn, enlarged, strips, pointwise, winograd, patches };

ConvolutionKind kind_of(const StepContext& context, const Layer& layer, const op::Conv& op) {
  if (layer.function) return ConvolutionKind::onednn;
  if (!layer.enlarged.empty()) return ConvolutionKind::enlarged;
  if (!layer.strip.empty()) return ConvolutionKind::strips;
  if (is_pointwise(context, layer, op)) return ConvolutionKind::pointwise;
  if (layer.winograd) return ConvolutionKind::winograd;
  if (is_patch_product(context, layer, op)) return ConvolutionKind::patches;
  return ConvolutionKind::onednn;
}

Step make_convolution_of_kind(const StepContext& context, const Layer& layer, const op::Conv& op) {
  switch (kind_of(context, layer, op)) {
    case ConvolutionKind::enlarged: return make_enlarged_products(context, layer, op);
    case ConvolutionKind::strips: return make_row_strips(context, layer);
    case ConvolutionKind::pointwise: return make_pointwise(context, layer, op);
    case ConvolutionKind::winograd: return make_winograd(context, layer, op);
    case ConvolutionKind::patches: return make_patch_product(context, layer, op);
    case ConvolutionKind::onednn: break;
  }
  return make_convolution(context, layer, op);
}

}  // namespace

bool makes_maps_with_gaps(const StepContext& context, const Layer& layer) {
  if (takes_images(context.network, layer)) return context.network.value(layer.output).channels_last();
  const auto* conv = std::get_if<op::Conv>(&layer.op);
  if (conv == nullptr || layer.bytes || !has_own_step(context.network, layer)) return false;
  switch (kind_of(context, layer, *conv)) {
    case ConvolutionKind::pointwise:
    case ConvolutionKind::winograd:
    case ConvolutionKind::patches: return true;
    case ConvolutionKind::strips: return std::get<op::Conv>(layer.strip.back().op).group == 1;
    default: return false;
  }
}

Step make_step(const StepContext& context, const Layer& layer) {
  const Overload cases{
      [&](const op::Conv& op) { return make_convolution_of_kind(context, layer, op); },
      [&](const op::ConvTranspose& op) { return make_deconvolution(context, layer, op); },
      [&](const op::BatchNormalization& op) { return make_batch_norm(context, layer, op); },
      [&](const op::Relu&) { return make_clamp(context, layer, {.low = 0}); },
      [&](const op::Clip& op) {
        return make_clamp(context, layer, {static_cast<float>(op.min), static_cast<float>(op.max)});
      },
      [&](const op::Sigmoid&) { return make_sigmoid(context, layer); },
      [&](const op::Identity&) { return make_layout_change(context, layer); },
      [&](const op::Dropout&) { return make_layout_change(context, layer); },
      [&](const op::Add&) { return make_binary(context, layer, Binary::add); },
      [&](const op::Mul&) { return make_binary(context, layer, Binary::multiply); },
      [&](const op::Concat& op) { return make_concat(context, layer, op); },
      [&](const op::MaxPool& op) { return make_max_pool(context, layer, op); },
      [&](const op::AveragePool& op) { return make_average_pool(context, layer, op); },
      [&](const op::GlobalAveragePool&) { return make_global_average_pool(context, layer); },
      [&](const op::Resize& op) {
        return op.antialias ? make_antialiased_resize(context, layer, op) : make_resize(context, layer, op);
      },
      [&](const op::Crop& op) { return make_crop(context, layer, op); },
      [&](const op::Pad& op) { return make_pad(context, layer, op); },
      [&](const op::Softmax& op) { return make_softmax(context, layer, op); },
      [&](const op::ArgMax& op) {
        return layer.resized ? make_resize_argmax(context, layer, *layer.resized)
                             : make_argmax(context, layer, op);
      },
      [&](const op::LogSoftmax& op) { return make_log_softmax(context, layer, op); },
      [&](const op::Unary& op) { return make_unary(context, layer, op); },
      [&](const op::Binary& op) { return make_tensor_binary(context, layer, op); },
      [&](const op::Where&) { return make_where(context, layer); },
      [&](const op::Cast&) { return make_cast(context, layer); },
      [&](const op::Reshape&) { return make_reshape(context, layer); },
      [&](const op::Flatten&) { return make_reshape(context, layer); },
      [&](const op::Squeeze&) { return make_reshape(context, layer); },
      [&](const op::Unsqueeze&) { return make_reshape(context, layer); },
      [&](const op::Transpose& op) { return make_transpose(context, layer, op); },
      [&](const op::Expand&) { return make_expand(context, layer); },
      [&](const op::Tile&) { return make_tile(context, layer); },
      [&](const op::Slice&) { return make_slice(context, layer); },
      [&](const op::DepthToSpace& op) { return make_depth_to_space(context, layer, op); },
      [&](const op::SpaceToDepth& op) { return make_space_to_depth(context, layer, op); },
      [&](const op::Gather& op) { return make_gather(context, layer, op); },
      [&](const op::MatMul&) { return make_matmul(context, layer); },
      [&](const op::Reduce& op) { return make_reduce(context, layer, op); },
      [&](const op::LayerNormalization& op) { return make_layer_norm(context, layer, op); },
      [&](const op::InstanceNormalization& op) { return make_instance_norm(context, layer, op); },
      [&](const op::GlobalMaxPool&) { return make_global_max_pool(context, layer); },
      [&](const op::MaxPoolIndices& op) { return make_max_pool_indices(context, layer, op); },
      [&](const op::MaxUnpool&) { return make_max_unpool(context, layer); },
      [&](const op::RoiAlign& op) { return make_roi_align(context, layer, op); },
      [&](const op::GridSample& op) { return make_grid_sample(context, layer, op); },
      [&](const op::LRN& op) { return make_lrn(context, layer, op); },
      [&](const op::DynamicDeconvolution& op) { return make_dynamic_deconvolution(context, layer, op); },
      [&](const op::Encoding&) { return make_encoding(context, layer); },
      [&](const op::AdaptivePool& op) { return make_adaptive_pool(context, layer, op); },
      [&](const auto&) -> Step {
        throw Error(ErrorKind::unsupported, {.where = layer.name, .found = std::string(type_name(layer.op))});
      },
  };
  if (layer.bytes) return make_byte_step(context, layer);
  if (!has_own_step(context.network, layer)) return make_reference(context, layer);
  return std::visit(cases, layer.op);
}

Step make_input_step(const Network& network, const NetworkPort& input, size_t index) {
  const Shape shape = network.shape(input.value);
  Step step;
  step.report = {input.name, "input", "vitrail", {}, shape, 0};
  step.writes = input.value;
  step.execute = [shape, index, id = input.value](const Memory& memory) {
    transpose_images(reinterpret_cast<const float*>(memory.inputs[index]), memory.write(id), shape[0],
                     shape[1], shape[2] * shape[3]);
  };
  return step;
}

Step make_output_step(const Network& network, const NetworkPort& output, size_t index) {
  const NetworkValue& value = network.value(output.value);
  Step step;
  step.report = {output.name, "output", "vitrail", {}, value.shape, 0};
  step.reads = {output.value};
  const auto bytes = static_cast<size_t>(element_count(value.shape) * size_of(value.type));
  if (!value.channels_last() || same_as_row_major(value.shape))
    step.execute = [bytes, index, id = output.value](const Memory& memory) {
      std::memcpy(memory.outputs[index], memory.read(id), bytes);
    };
  else
    step.execute = [shape = value.shape, index, id = output.value](const Memory& memory) {
      transpose_images(memory.read(id), reinterpret_cast<float*>(memory.outputs[index]), shape[0],
                       shape[2] * shape[3], shape[1]);
    };
  return step;
}

}  // namespace vitrail::engine_detail
