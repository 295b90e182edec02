#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {

void erase_layers(Network& network, const std::vector<bool>& dropped) {
  std::vector<Layer> kept;
  for (size_t i = 0; i < network.layers.size(); ++i)
    if (!dropped[i]) kept.push_back(std::move(network.layers[i]));
  network.layers = std::move(kept);
}

void drop_identity(Network& network) {
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!std::holds_alternative<op::Identity>(layer.op) && !std::holds_alternative<op::Dropout>(layer.op))
      continue;
    replace_uses(network, layer.output, layer.inputs[0]);
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
