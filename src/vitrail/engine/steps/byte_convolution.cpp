#include <bit>

#include "vitrail/base/text.h"
#include "vitrail/engine/steps/byte_maps.h"
#include "vitrail/engine/steps/convolution_geometry.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/weighted_primitive.h"

// A convolution of bytes by signed bytes, summed in 32 bits. oneDNN computes
//   result = activation((sum + bias) * scale[channel] + residual * residual_scale)
// so the bias is stated in units of the sum, and everything after it in units of the result.

namespace vitrail::engine_detail {
namespace {

using Primitive = dnnl::convolution_forward;
using DnnlType = dnnl::memory::data_type;

DnnlType dnnl_type(DataType type) {
  if (type == DataType::f32) return DnnlType::f32;
  return type == DataType::u8 ? DnnlType::u8 : DnnlType::s8;
}

const QuantizedConstant& weight_of(const Network& network, const Layer& layer) {
  return *network.value(layer.inputs[1]).quantized;
}

// What one unit of the sum stands for, by output channel.
std::vector<float> unit_of_sums(const Network& network, const Layer& layer) {
  const std::vector<float>& rows = weight_of(network, layer).scales;
  std::vector<float> units(static_cast<size_t>(network.shape(layer.inputs[1])[0]));
  for (size_t m = 0; m < units.size(); ++m)
    units[m] = layer.bytes->input_scale * rows[rows.size() == 1 ? 0 : m];
  return units;
}

// Bounds that the result's type sets anyway cost nothing.
void append_bounds(dnnl::post_ops& ops, Activation activation, float unit, DataType type) {
  activation.low /= unit;
  activation.high /= unit;
  if (type == DataType::u8 && activation.low == 0) {
    if (activation.high >= 255) return;
  } else if (type == DataType::i8 && activation.low <= -128 && activation.high >= 127) {
    return;
  }
  append_activation(ops, activation);
}

Primitive::primitive_desc describe(const Network& network, const Layer& layer, const op::Conv& conv,
                                   const dnnl::engine& engine) {
  const ConvolutionGeometry g = geometry_of(network, layer, conv);
  const DataType type = network.value(layer.output).type;
  const float unit = type == DataType::f32 ? 1.0f : layer.bytes->output_scale;
  std::vector<float> scales = unit_of_sums(network, layer);
  for (float& scale : scales)
    scale /= unit;
  dnnl::post_ops ops;
  if (layer.residual != no_value)
    ops.append_sum(layer.bytes->residual_scale / unit, dnnl_type(network.value(layer.residual).type));
  if (layer.activation.active()) append_bounds(ops, layer.activation, unit, type);
  if (layer.function) append_function(ops, *layer.function);
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(1 << 1, scales);
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Primitive::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                             {g.source, dnnl_type(network.value(layer.inputs[0]).type), DnnlTag::nhwc},
                             {g.weight, DnnlType::s8, DnnlTag::any},
                             optional_input(layer, 2) != no_value ? f32_desc(g.bias, DnnlTag::x) : DnnlDesc(),
                             {g.target, dnnl_type(type), DnnlTag::nhwc}, g.strides, g.dilations,
                             g.pads_before, g.pads_after);
  return Primitive::primitive_desc(desc, attributes, engine);
}

Tensor scaled_bias(const StepContext& context, const Layer& layer) {
  if (optional_input(layer, 2) == no_value) return {};
  const float input_scale = layer.bytes->input_scale;
  const std::string how = cat("bias in sums of ", std::bit_cast<uint32_t>(input_scale), " ", layer.inputs[2]);
  return context.network.derived->get(weight_of(context.network, layer).bytes, how, [&] {
    Tensor bias = context.network.value(layer.inputs[2]).constant.clone();
    const std::vector<float> units = unit_of_sums(context.network, layer);
    for (size_t m = 0; m < units.size(); ++m)
      bias.data<float>()[m] /= units[m];
    return bias;
  });
}

}  // namespace

bool has_byte_products() {
#if defined(__x86_64__)
  const auto allowed = static_cast<int>(dnnl::get_effective_cpu_isa());
  const auto allows = [&](dnnl::cpu_isa wanted) {
    return (allowed & static_cast<int>(wanted)) == static_cast<int>(wanted);
  };
  return allows(dnnl::cpu_isa::avx512_core_vnni) || allows(dnnl::cpu_isa::avx2_vnni);
#else
  return false;
#endif
}

bool has_byte_kernel(const Network& network, const Layer& layer) {
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const std::string kernel = describe(network, layer, std::get<op::Conv>(layer.op), engine).impl_info_str();
    return kernel.starts_with("jit") || kernel.starts_with("br");
  } catch (const dnnl::error&) {
    return false;
  }
}

Step make_byte_convolution(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  const ConvolutionGeometry g = geometry_of(context.network, layer, conv);
  Step step = step_of(context, layer, "convolution");
  try {
    const auto description = describe(context.network, layer, conv, context.engine);
    run_primitive(step, context, layer, description, description.src_desc(),
                  {weight_of(context.network, layer).bytes,
                   {g.weight, DnnlType::s8, g.weight_tag},
                   scaled_bias(context, layer)});
    step.report.kernel += " int8";
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  step.report.multiply_adds = work_of(context, layer);
  read_input_and_residual(step, layer);
  return step;
}

}  // namespace vitrail::engine_detail
