#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {

void drop_dead(Network& network) {
  std::vector<bool> read(network.values.size(), false), dropped(network.layers.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != no_value) read[static_cast<size_t>(id)] = true;
  };
  for (const NetworkPort& output : network.outputs)
    mark(output.value);
  for (size_t i = network.layers.size(); i-- > 0;) {
    const Layer& layer = network.layers[i];
    dropped[i] = !read[static_cast<size_t>(layer.output)];
    if (dropped[i]) continue;
    for (const ValueId input : layer.inputs)
      mark(input);
    mark(layer.residual);
  }
  erase_layers(network, dropped);
  for (size_t id = 0; id < read.size(); ++id)
    if (!read[id]) network.values[id].constant = {};  // weights that were folded into others
}

}  // namespace vitrail::engine_detail
