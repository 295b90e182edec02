#include "vitrail/base/checked.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/convolution_geometry.h"

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

// Everything execute() needs; the memories of weights are only read.
struct Prepared {
  Primitive primitive;
  DnnlDesc source, wanted_source, target, scratch;
  dnnl::reorder reorder;
  bool reordered = false;
  dnnl::memory weight, bias;
  dnnl::engine engine;
  ValueId x = no_value, y = no_value;
};

void execute(const Prepared& p, const Memory& memory) {
  dnnl::memory source(p.source, p.engine, const_cast<float*>(memory.read(p.x)));
  dnnl::memory target(p.target, p.engine, memory.write(p.y));
  dnnl::memory scratch(p.scratch, p.engine, memory.scratch);
  dnnl::stream stream = memory.stream;
  if (p.reordered) {
    const auto offset = round_up(static_cast<int64_t>(p.scratch.get_size()), buffer_alignment);
    dnnl::memory wanted(p.wanted_source, p.engine, memory.scratch + offset);
    p.reorder.execute(stream, source, wanted);
    source = wanted;
  }
  std::unordered_map<int, dnnl::memory> arguments = {{DNNL_ARG_SRC, source},
                                                     {DNNL_ARG_WEIGHTS, p.weight},
                                                     {DNNL_ARG_DST, target},
                                                     {DNNL_ARG_SCRATCHPAD, scratch}};
  if (p.bias) arguments.emplace(DNNL_ARG_BIAS, p.bias);
  p.primitive.execute(stream, arguments);
  stream.wait();
}

Prepared prepare(const StepContext& context, const Layer& layer, const ConvolutionGeometry& g,
                 const Primitive::primitive_desc& description, bool has_bias) {
  Prepared p;
  p.engine = context.engine;
  p.primitive = Primitive(description);
  p.source = f32_desc(g.source, DnnlTag::nhwc);
  p.wanted_source = description.src_desc();
  p.target = description.dst_desc();
  p.scratch = description.scratchpad_desc();
  p.reordered = p.wanted_source != p.source;
  if (p.reordered)
    p.reorder = dnnl::reorder(
        dnnl::reorder::primitive_desc(context.engine, p.source, context.engine, p.wanted_source));
  const Tensor& weight = context.network.value(layer.inputs[1]).constant;
  p.weight = context.weights.get(weight, f32_desc(g.weight, g.weight_tag), description.weights_desc(),
                                 context.engine);
  if (has_bias) {
    const DnnlDesc bias = f32_desc(g.bias, DnnlTag::x);
    p.bias = context.weights.get(context.network.value(layer.inputs[2]).constant, bias, bias, context.engine);
  }
  p.x = layer.inputs[0];
  p.y = layer.output;
  return p;
}

}  // namespace

Step make_convolution(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  const ConvolutionGeometry g = geometry_of(context.network, layer, conv);
  const bool has_bias = layer.inputs.size() > 2 && layer.inputs[2] != no_value;
  Step step = step_of(context, layer, "convolution");
  try {
    const auto description = best_description(context, layer, g, has_bias);
    const Prepared prepared = prepare(context, layer, g, description, has_bias);
    step.report.kernel = description.impl_info_str();
    step.scratch_bytes = static_cast<int64_t>(prepared.scratch.get_size());
    if (prepared.reordered)
      step.scratch_bytes = round_up(step.scratch_bytes, buffer_alignment) +
                           static_cast<int64_t>(prepared.wanted_source.get_size());
    step.weight_bytes = static_cast<int64_t>(prepared.weight.get_desc().get_size());
    step.execute = [prepared](const Memory& memory) { execute(prepared, memory); };
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  const Shape& w = context.shape(layer.inputs[1]);
  step.report.multiply_adds = element_count(step.report.output) * w[1] * w[2] * w[3];
  step.reads = {layer.inputs[0]};
  if (layer.residual != no_value) {
    step.reads.push_back(layer.residual);
    step.must_reuse = layer.residual;
  }
  return step;
}

}  // namespace vitrail::engine_detail
