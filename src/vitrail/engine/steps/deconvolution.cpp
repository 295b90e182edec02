#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/weighted_primitive.h"

namespace vitrail::engine_detail {
namespace {

using Primitive = dnnl::deconvolution_forward;

Primitive::primitive_desc describe(const StepContext& context, const Layer& layer,
                                   const op::ConvTranspose& conv, const DnnlDims& weight, bool has_bias) {
  const Shape &x = context.shape(layer.inputs[0]), &y = context.shape(layer.output);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Primitive::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct,
                             f32_desc(x, DnnlTag::nhwc), f32_desc(weight, DnnlTag::any),
                             has_bias ? f32_desc({y[1]}, DnnlTag::x) : DnnlDesc(), f32_desc(y, DnnlTag::nhwc),
                             {conv.strides[0], conv.strides[1]},
                             {conv.dilations[0] - 1, conv.dilations[1] - 1}, {conv.pads[0], conv.pads[1]},
                             {conv.pads[2] - conv.output_padding[0], conv.pads[3] - conv.output_padding[1]});
  return Primitive::primitive_desc(desc, attributes, context.engine);
}

// The memory is ONNX's [C, M/group, kh, kw]; oneDNN names it by output, then input channels.
struct WeightLayout {
  DnnlDims dims;
  DnnlTag tag;
};

WeightLayout weight_layout(const Shape& w, int64_t group) {
  if (group == 1) return {{w[1], w[0], w[2], w[3]}, DnnlTag::iohw};
  return {{group, w[1], w[0] / group, w[2], w[3]}, DnnlTag::giohw};
}

}  // namespace

Step make_deconvolution(const StepContext& context, const Layer& layer, const op::ConvTranspose& conv) {
  const Shape &x = context.shape(layer.inputs[0]), &w = context.shape(layer.inputs[1]);
  const WeightLayout layout = weight_layout(w, conv.group);
  const PrimitiveConstants constants{context.network.value(layer.inputs[1]).constant,
                                     f32_desc(layout.dims, layout.tag), bias_of(context, layer)};
  Step step = step_of(context, layer, "deconvolution");
  try {
    const auto description = describe(context, layer, conv, layout.dims, constants.bias.defined());
    run_primitive(step, context, layer, description, description.src_desc(), constants);
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  step.report.multiply_adds = element_count(x) * w[1] * w[2] * w[3];
  step.reads = {layer.inputs[0]};
  return step;
}

}  // namespace vitrail::engine_detail
