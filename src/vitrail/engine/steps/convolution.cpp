#include "vitrail/engine/steps/convolution_geometry.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/weighted_primitive.h"

namespace vitrail::engine_detail {
namespace {

using Primitive = dnnl::convolution_forward;

Primitive::primitive_desc describe(const StepContext& context, const Layer& layer,
                                   const ConvolutionGeometry& g, bool has_bias, DnnlTag source_tag) {
  dnnl::post_ops ops;
  if (layer.residual != no_value) ops.append_sum(1.0f);
  if (layer.activation.active()) append_activation(ops, layer.activation);
  if (layer.function) append_function(ops, *layer.function);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Primitive::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, f32_desc(g.source, source_tag),
      f32_desc(g.weight, DnnlTag::any), has_bias ? f32_desc(g.bias, DnnlTag::x) : DnnlDesc(),
      f32_desc(g.target, DnnlTag::nhwc), g.strides, g.dilations, g.pads_before, g.pads_after);
  return Primitive::primitive_desc(desc, attributes, context.engine);
}

// A few input channels (an image) run faster from another layout than channels-last; oneDNN knows which.
Primitive::primitive_desc best_description(const StepContext& context, const Layer& layer,
                                           const ConvolutionGeometry& g, bool has_bias) {
  const bool image = g.source[1] <= 4 && g.weight.size() == 4;
  return describe(context, layer, g, has_bias, image ? DnnlTag::any : DnnlTag::nhwc);
}

}  // namespace

Step make_convolution(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  const ConvolutionGeometry g = geometry_of(context.network, layer, conv);
  const PrimitiveConstants constants{context.network.value(layer.inputs[1]).constant,
                                     f32_desc(g.weight, g.weight_tag), bias_of(context, layer)};
  Step step = step_of(context, layer, "convolution");
  try {
    const auto description = best_description(context, layer, g, constants.bias.defined());
    run_primitive(step, context, layer, description, f32_desc(g.source, DnnlTag::nhwc), constants);
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  step.report.multiply_adds = work_of(context, layer);
  read_input_and_residual(step, layer);
  return step;
}

}  // namespace vitrail::engine_detail
