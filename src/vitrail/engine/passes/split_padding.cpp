#include "vitrail/base/checked.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

// Along one dimension.
struct Windows {
  int64_t in, out, kernel, stride, dilation, before;

  bool one_is_empty() const {
    for (int64_t at = 0; at < out; ++at) {
      const int64_t first = at * stride - before;
      const int64_t tap = first < 0 ? ceil_div(-first, dilation) : 0;  // the first one inside, if any is
      if (tap >= kernel || first + tap * dilation >= in) return true;
    }
    return false;
  }
};

Pads pads_of(const Network& network, const Layer& layer, const op::Conv& conv) {
  const Shape &x = network.shape(layer.inputs[0]), &w = network.shape(layer.inputs[1]);
  return resolved_pads(conv.auto_pad, conv.pads, {x[2], x[3]}, {w[2], w[3]}, conv.strides, conv.dilations);
}

bool has_empty_window(const Network& network, const Layer& layer, const op::Conv& conv) {
  const Shape &x = network.shape(layer.inputs[0]), &w = network.shape(layer.inputs[1]);
  const Shape& y = network.shape(layer.output);
  const Pads pads = pads_of(network, layer, conv);
  return Windows{x[2], y[2], w[2], conv.strides[0], conv.dilations[0], pads[0]}.one_is_empty() ||
         Windows{x[3], y[3], w[3], conv.strides[1], conv.dilations[1], pads[1]}.one_is_empty();
}

// The padding that `layer` then reads.
Layer split(Network& network, Layer& layer, op::Conv& conv) {
  const Pads pads = pads_of(network, layer, conv);
  Shape padded = network.shape(layer.inputs[0]);
  padded[2] += pads[0] + pads[2];
  padded[3] += pads[1] + pads[3];
  Layer pad;
  pad.name = layer.name + ".pad";
  pad.op = op::Pad{.pads = pads};
  pad.inputs = {layer.inputs[0]};
  pad.output = network.add_value(pad.name, padded);
  layer.inputs[0] = pad.output;
  conv.pads = {0, 0, 0, 0};
  conv.auto_pad = AutoPad::explicit_pads;
  return pad;
}

}  // namespace

void split_padding(Network& network) {
  std::vector<Layer> result;
  for (Layer& layer : network.layers) {
    auto* conv = std::get_if<op::Conv>(&layer.op);
    if (conv != nullptr && has_empty_window(network, layer, *conv))
      result.push_back(split(network, layer, *conv));
    result.push_back(std::move(layer));
  }
  network.layers = std::move(result);
}

}  // namespace vitrail::engine_detail
