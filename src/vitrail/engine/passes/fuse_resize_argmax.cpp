#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {

void fuse_resize_argmax(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  std::vector<bool> dropped(network.layers.size(), false);
  for (Layer& layer : network.layers) {
    const auto* argmax = std::get_if<op::ArgMax>(&layer.op);
    if (argmax == nullptr || (argmax->axis != 1 && argmax->axis != -3)) continue;
    const auto input = static_cast<size_t>(layer.inputs[0]);
    if (maker[input] < 0 || uses[input] != 1) continue;
    const Layer& before = network.layers[static_cast<size_t>(maker[input])];
    const auto* resize = std::get_if<op::Resize>(&before.op);
    if (resize == nullptr || resize->mode != op::ResizeMode::linear || resize->antialias) continue;
    layer.resized = *resize;
    layer.inputs = before.inputs;
    layer.fused.push_back(before.name);
    dropped[static_cast<size_t>(maker[input])] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
