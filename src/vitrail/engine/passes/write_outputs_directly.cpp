#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {

void write_outputs_directly(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  for (const NetworkPort& output : network.outputs) {
    const auto id = static_cast<size_t>(output.value);
    if (maker[id] < 0 || uses[id] != 1) continue;
    const Layer& layer = network.layers[static_cast<size_t>(maker[id])];
    const auto* resize = std::get_if<op::Resize>(&layer.op);
    network.values[id].row_major = resize != nullptr && !resize->antialias;
  }
}

}  // namespace vitrail::engine_detail
