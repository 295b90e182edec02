#pragma once
// Which sizes of a graph depend on what it computes, and from which numbers they follow. Private to staged.h.

#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail::engine_detail {

inline size_t index_of(Value value) {
  return static_cast<size_t>(value.id);
}

/// Whether the number of results is known only once they are found: NonMaxSuppression, and what a Loop
/// carries and collects.
bool counts_what_it_finds(const Op& op);

/// A Where by one condition: it may stand for ONNX's If, of which only the chosen branch can be computed.
bool chooses(const Graph& graph, const Node& node);

/// By index_of(value): whether sizes are computed from its numbers.
std::vector<bool> values_that_give_sizes(const Graph& graph);

/// Whether the shape of some value follows from the values of the graph's inputs, not from their sizes alone.
bool sizes_depend_on_values(const Graph& graph);

}  // namespace vitrail::engine_detail
