#include <bit>

#include "vitrail/base/text.h"
#include "vitrail/engine/steps/byte_maps.h"
#include "vitrail/engine/steps/convolution_geometry.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/weighted_primitive.h"

// A convolution of bytes by signed bytes, summed in 32 bits. oneDNN computes
//   result = activation(term((sum + bias) * scale[channel]) + residual * residual_scale)
// so the bias is stated in units of the sum, and everything after it in units of the result. The zeros of the
// residual and of the result are in the bias, and in the bounds that come after it.

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
    units[m] = layer.bytes->input.scale * rows[rows.size() == 1 ? 0 : m];
  return units;
}

// What the result is counted in.
ByteScale result_scale(const Network& network, const Layer& layer) {
  return network.value(layer.output).type == DataType::f32 ? ByteScale{} : layer.bytes->output;
}

// What the bias has to bring in for the zeros, in units of the result.
float shift_of_zeros(const Network& network, const Layer& layer) {
  const ByteScale result = result_scale(network, layer), residual = layer.bytes->residual;
  const float missing =
      layer.residual == no_value ? 0 : static_cast<float>(residual.zero) * residual.scale / result.scale;
  return static_cast<float>(result.zero) - missing;
}

bool has_bias(const Network& network, const Layer& layer) {
  return optional_input(layer, 2) != no_value || shift_of_zeros(network, layer) != 0;
}

Activation in_units(Activation bounds, float unit, float shift) {
  return {bounds.low / unit + shift, bounds.high / unit + shift};
}

// Bounds that the result's type sets anyway cost nothing.
bool is_idle(const Activation& bounds, DataType type) {
  if (type == DataType::u8) return bounds.low <= 0 && bounds.high >= 255;
  return type == DataType::i8 ? bounds.low <= -128 && bounds.high >= 127 : !bounds.active();
}

Activation end_bounds(const Network& network, const Layer& layer) {
  const ByteScale result = result_scale(network, layer);
  return in_units(layer.activation, result.scale, static_cast<float>(result.zero));
}

// oneDNN 2.6 computes nonsense from bounds on both sides of a sum.
bool is_bounded_twice(const Network& network, const Layer& layer) {
  return layer.residual != no_value && layer.bytes->term.active() &&
         !is_idle(end_bounds(network, layer), network.value(layer.output).type);
}

dnnl::post_ops post_ops_of(const Network& network, const Layer& layer) {
  const ByteScale result = result_scale(network, layer);
  dnnl::post_ops ops;
  if (layer.residual != no_value) {
    const Activation term = in_units(layer.bytes->term, result.scale, shift_of_zeros(network, layer));
    if (term.active()) append_activation(ops, term);
    ops.append_sum(layer.bytes->residual.scale / result.scale, dnnl_type(network.value(layer.residual).type));
  }
  const Activation end = end_bounds(network, layer);
  if (!is_idle(end, network.value(layer.output).type)) append_activation(ops, end);
  if (layer.function) append_function(ops, *layer.function);
  return ops;
}

Primitive::primitive_desc describe(const Network& network, const Layer& layer, const op::Conv& conv,
                                   const dnnl::engine& engine) {
  const ConvolutionGeometry g = geometry_of(network, layer, conv);
  const DataType type = network.value(layer.output).type;
  std::vector<float> scales = unit_of_sums(network, layer);
  for (float& scale : scales)
    scale /= result_scale(network, layer).scale;
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(1 << 1, scales);
  if (layer.bytes->input.zero != 0) attributes.set_zero_points(DNNL_ARG_SRC, 0, {layer.bytes->input.zero});
  attributes.set_post_ops(post_ops_of(network, layer));
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Primitive::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                             {g.source, dnnl_type(network.value(layer.inputs[0]).type), DnnlTag::nhwc},
                             {g.weight, DnnlType::s8, DnnlTag::any},
                             has_bias(network, layer) ? f32_desc(g.bias, DnnlTag::x) : DnnlDesc(),
                             {g.target, dnnl_type(type), DnnlTag::nhwc}, g.strides, g.dilations,
                             g.pads_before, g.pads_after);
  return Primitive::primitive_desc(desc, attributes, engine);
}

Tensor scaled_bias(const StepContext& context, const Layer& layer) {
  const Network& network = context.network;
  if (!has_bias(network, layer)) return {};
  const float shift = shift_of_zeros(network, layer) * result_scale(network, layer).scale;
  const ValueId given = optional_input(layer, 2);
  const std::string how = cat("bias in sums of ", std::bit_cast<uint32_t>(layer.bytes->input.scale), " ",
                              std::bit_cast<uint32_t>(shift), " ", given);
  return network.derived->get(weight_of(network, layer).bytes, how, [&] {
    const std::vector<float> units = unit_of_sums(network, layer);
    Tensor bias = given != no_value ? network.value(given).constant.clone()
                                    : Tensor::zeros(DataType::f32, {std::ssize(units)});
    for (size_t m = 0; m < units.size(); ++m)
      bias.data<float>()[m] = (bias.data<float>()[m] + shift) / units[m];
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
  if (is_bounded_twice(network, layer)) return false;
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
