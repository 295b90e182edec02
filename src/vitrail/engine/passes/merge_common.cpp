#include <map>

#include "vitrail/engine/op_equal.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t small_constant_bytes = 4096;

// Small constants that are the same become one: sizes and axes, each of which every node of a file brings
// along.
void merge_constants(Network& network) {
  std::map<std::pair<DataType, Shape>, std::vector<ValueId>> seen;
  for (ValueId id = 0; id < static_cast<ValueId>(network.values.size()); ++id) {
    const Tensor& tensor = network.value(id).constant;
    if (!tensor.defined() || tensor.bytes() > small_constant_bytes) continue;
    std::vector<ValueId>& alike = seen[{tensor.type(), tensor.shape()}];
    bool found = false;
    for (const ValueId other : alike)
      if (!found && same_tensor(network.value(other).constant, tensor)) {
        replace_uses(network, id, other);
        found = true;
      }
    if (!found) alike.push_back(id);
  }
}

// A shape may be all that is left of an input that told it.
bool same_work(const Network& network, const Layer& a, const Layer& b) {
  return a.inputs == b.inputs && same_op(a.op, b.op) && network.shape(a.output) == network.shape(b.output);
}

bool is_plain(const Layer& layer) {
  return layer.residual == no_value && !layer.activation.active() && !layer.resized && !layer.function &&
         layer.fused.empty();
}

}  // namespace

void merge_common(Network& network) {
  merge_constants(network);
  std::map<std::vector<ValueId>, std::vector<size_t>> by_inputs;
  std::vector<bool> dropped(network.layers.size(), false);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!is_plain(layer) || layer.inputs.empty()) continue;
    std::vector<size_t>& alike = by_inputs[layer.inputs];
    for (const size_t other : alike)
      if (!dropped[i] && same_work(network, network.layers[other], layer)) {
        replace_uses(network, layer.output, network.layers[other].output);
        dropped[i] = true;
      }
    if (!dropped[i]) alike.push_back(i);
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
