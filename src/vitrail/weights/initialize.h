#pragma once
// Fresh weights for a graph, from its parameters' `init`, with a seed.

#include "vitrail/base/random.h"
#include "vitrail/graph/model.h"

namespace vitrail {

/// One tensor per parameter. Each is drawn from a stream of its own (seed and name), so that adding a layer
/// does not change how the others start.
Weights initial_weights(const Graph& graph, uint64_t seed);

}  // namespace vitrail
