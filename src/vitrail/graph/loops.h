#pragma once
// Loops within a graph (control_ops.h): the engine runs them, nobody else has a use for them.

#include <string>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Throws Error(unsupported) naming the first Loop of `graph`, where there is one. `doing`: what is not
/// possible with it, "training".
void refuse_loops(const Graph& graph, const std::string& doing);

}  // namespace vitrail
