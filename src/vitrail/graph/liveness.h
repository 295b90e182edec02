#pragma once
// When each value is made and last read: the ground of peak memory and of the engine's memory plan.

#include <cstdint>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Node indices (positions in graph.nodes()). Inputs are made at -1; outputs are last read at nodes().size().
struct Lifetime {
  int64_t made = -1;
  int64_t last_read = -1;  ///< == made when nobody reads it
};

/// By value id. Parameters have made == last_read == -1.
std::vector<Lifetime> lifetimes(const Graph& graph);

}  // namespace vitrail
