#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/onednn.h"

namespace vitrail::engine_detail {
namespace {

using Primitive = dnnl::deconvolution_forward;

struct Prepared {
  Primitive primitive;
  DnnlDesc source, target, scratch;
  dnnl::memory weight, bias;
  dnnl::engine engine;
  ValueId x = no_value, y = no_value;
};

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

void execute(const Prepared& p, const Memory& memory) {
  dnnl::stream stream = memory.stream;
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, dnnl::memory(p.source, p.engine, const_cast<float*>(memory.read(p.x)))},
      {DNNL_ARG_WEIGHTS, p.weight},
      {DNNL_ARG_DST, dnnl::memory(p.target, p.engine, memory.write(p.y))},
      {DNNL_ARG_SCRATCHPAD, dnnl::memory(p.scratch, p.engine, memory.scratch)}};
  if (p.bias) arguments.emplace(DNNL_ARG_BIAS, p.bias);
  p.primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace

Step make_deconvolution(const StepContext& context, const Layer& layer, const op::ConvTranspose& conv) {
  const Shape &x = context.shape(layer.inputs[0]), &w = context.shape(layer.inputs[1]);
  const WeightLayout layout = weight_layout(w, conv.group);
  const bool has_bias = layer.inputs.size() > 2 && layer.inputs[2] != no_value;
  Step step = step_of(context, layer, "deconvolution");
  try {
    const auto description = describe(context, layer, conv, layout.dims, has_bias);
    Prepared p;
    p.engine = context.engine;
    p.primitive = Primitive(description);
    p.source = description.src_desc();
    p.target = description.dst_desc();
    p.scratch = description.scratchpad_desc();
    p.weight =
        context.weights.get(context.network.value(layer.inputs[1]).constant,
                            f32_desc(layout.dims, layout.tag), description.weights_desc(), context.engine);
    if (has_bias) {
      const DnnlDesc bias = f32_desc({step.report.output[1]}, DnnlTag::x);
      p.bias =
          context.weights.get(context.network.value(layer.inputs[2]).constant, bias, bias, context.engine);
    }
    p.x = layer.inputs[0];
    p.y = layer.output;
    step.report.kernel = description.impl_info_str();
    step.scratch_bytes = static_cast<int64_t>(p.scratch.get_size());
    step.weight_bytes = static_cast<int64_t>(p.weight.get_desc().get_size());
    step.execute = [p](const Memory& memory) { execute(p, memory); };
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  step.report.multiply_adds = element_count(x) * w[1] * w[2] * w[3];
  step.reads = {layer.inputs[0]};
  return step;
}

}  // namespace vitrail::engine_detail
