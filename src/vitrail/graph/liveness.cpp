#include "vitrail/graph/liveness.h"

namespace vitrail {

std::vector<Lifetime> lifetimes(const Graph& graph) {
  std::vector<Lifetime> lives(static_cast<size_t>(graph.value_count()));
  const std::vector<Node>& nodes = graph.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto now = static_cast<int64_t>(i);
    for (const Value value : nodes[i].outputs)
      lives[static_cast<size_t>(value.id)] = {now, now};
    for (const Value value : nodes[i].inputs)
      if (value.exists() && graph.parameter_of(value) == nullptr)
        lives[static_cast<size_t>(value.id)].last_read = now;
  }
  for (const Output& output : graph.outputs())
    lives[static_cast<size_t>(output.value.id)].last_read = static_cast<int64_t>(nodes.size());
  return lives;
}

}  // namespace vitrail
