#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {

void join_to_makers(Network& network, const std::function<bool(Layer& before, const Layer& layer)>& join) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.inputs.empty() || layer.inputs[0] == no_value) continue;
    const auto input = static_cast<size_t>(layer.inputs[0]);
    if (maker[input] < 0 || uses[input] != 1) continue;
    Layer& before = network.layers[static_cast<size_t>(maker[input])];
    if (!join(before, layer)) continue;
    before.fused.push_back(before.name);
    before.name = layer.name;
    before.output = layer.output;
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
