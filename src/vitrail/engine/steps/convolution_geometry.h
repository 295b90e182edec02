#pragma once
// A convolution's sizes as oneDNN states them.

#include "vitrail/engine/network.h"
#include "vitrail/engine/steps/onednn.h"

namespace vitrail::engine_detail {

struct ConvolutionGeometry {
  DnnlDims source, weight, bias, target, strides, dilations, pads_before, pads_after;
  DnnlTag weight_tag = DnnlTag::oihw;  ///< goihw where there are groups
};

ConvolutionGeometry geometry_of(const Network& network, const Layer& layer, const op::Conv& conv);

}  // namespace vitrail::engine_detail
