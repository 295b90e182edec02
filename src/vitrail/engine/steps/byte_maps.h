#pragma once
// Steps on 8-bit maps: channels-last bytes, signed or not, that stand for (byte - zero) * scale
// (Layer::bytes).

#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

/// A layer that reads or makes 8-bit maps: Conv, MaxPool, Concat, QuantizeLinear or DequantizeLinear.
Step make_byte_step(const StepContext& context, const Layer& layer);

Step make_byte_convolution(const StepContext& context, const Layer& layer, const op::Conv& conv);

/// Whether this machine has the instructions that 8-bit products are worth using for (VNNI). Without them
/// oneDNN's sums of pairs of products saturate at 16 bits, which is wrong as well as slow.
bool has_byte_products();
/// Whether oneDNN has a fast kernel, and a right one, for this convolution of 8-bit maps.
bool has_byte_kernel(const Network& network, const Layer& layer);

}  // namespace vitrail::engine_detail
