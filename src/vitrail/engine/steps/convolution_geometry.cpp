#include "vitrail/engine/steps/convolution_geometry.h"

#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {

ConvolutionGeometry geometry_of(const Network& network, const Layer& layer, const op::Conv& conv) {
  const Shape &x = network.shape(layer.inputs[0]), &w = network.shape(layer.inputs[1]);
  const Pads pads =
      resolved_pads(conv.auto_pad, conv.pads, {x[2], x[3]}, {w[2], w[3]}, conv.strides, conv.dilations);
  ConvolutionGeometry g;
  g.source = x;
  g.target = network.shape(layer.output);
  g.weight = w;
  g.bias = {w[0]};
  if (conv.group > 1) {
    g.weight = {conv.group, w[0] / conv.group, w[1], w[2], w[3]};
    g.weight_tag = DnnlTag::goihw;
  }
  g.strides = {conv.strides[0], conv.strides[1]};
  // A kernel of one row has no dilation; oneDNN crashes where it is told one.
  for (size_t d = 0; d < 2; ++d)
    g.dilations.push_back(w[2 + d] > 1 ? conv.dilations[d] - 1 : 0);
  g.pads_before = {pads[0], pads[1]};
  // What is left of the input after the last window is not padding.
  for (size_t d = 0; d < 2; ++d)
    g.pads_after.push_back((g.target[2 + d] - 1) * conv.strides[d] + (w[2 + d] - 1) * conv.dilations[d] + 1 -
                           x[2 + d] - pads[d]);
  return g;
}

}  // namespace vitrail::engine_detail
