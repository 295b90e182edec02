#include <algorithm>

#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

// The convolution accumulates into the residual's buffer, so that buffer must be the engine's own, dead
// afterwards, and not what the convolution reads.
bool may_accumulate(const Network& network, const Layer& conv, ValueId residual,
                    const std::vector<int64_t>& maker, const std::vector<int64_t>& last, int64_t add) {
  const auto r = static_cast<size_t>(residual);
  return std::holds_alternative<op::Conv>(conv.op) && conv.residual == no_value && !conv.bytes &&
         !conv.activation.active() && maker[r] >= 0 && last[r] == add &&
         network.shape(conv.output) == network.shape(residual) &&
         std::find(conv.inputs.begin(), conv.inputs.end(), residual) == conv.inputs.end();
}

}  // namespace

void fuse_residual(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  std::vector<int64_t> last = last_readers(network);
  std::vector<bool> overwritten(network.values.size(), false);  // by a sum that took its buffer
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    Layer& add = network.layers[i];
    if (!std::holds_alternative<op::Add>(add.op) || add.inputs[0] == add.inputs[1]) continue;
    const auto position = static_cast<int64_t>(i);
    // The later of the two convolutions, if both are: it moves to the place of the sum.
    std::vector<std::pair<ValueId, ValueId>> choices = {{add.inputs[0], add.inputs[1]},
                                                        {add.inputs[1], add.inputs[0]}};
    if (maker[static_cast<size_t>(add.inputs[1])] > maker[static_cast<size_t>(add.inputs[0])])
      std::swap(choices[0], choices[1]);
    for (const auto& [convolved, residual] : choices) {
      const int64_t at = maker[static_cast<size_t>(convolved)];
      if (at < 0 || uses[static_cast<size_t>(convolved)] != 1 || dropped[static_cast<size_t>(at)]) continue;
      Layer& conv = network.layers[static_cast<size_t>(at)];
      if (conv.output != convolved || !may_accumulate(network, conv, residual, maker, last, position))
        continue;
      if (overwritten[static_cast<size_t>(conv.inputs[0])]) continue;
      Layer fused = conv;
      fused.fused.push_back(conv.name);
      fused.name = add.name;
      fused.residual = residual;
      fused.output = add.output;
      last[static_cast<size_t>(conv.inputs[0])] =
          std::max(last[static_cast<size_t>(conv.inputs[0])], position);
      overwritten[static_cast<size_t>(residual)] = true;
      dropped[static_cast<size_t>(at)] = true;
      add = std::move(fused);
      break;
    }
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
