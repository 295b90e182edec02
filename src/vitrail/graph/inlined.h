#pragma once
// One graph inside of another.
//
//   Graph whole;
//   const Value image = whole.input("image", {1, 3, 640, 640});
//   const std::vector<Value> maps = inlined(whole, trunk, {{"image", image}});   // trunk's outputs

#include <map>
#include <string>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Adds the nodes of `part` to `graph`, reading `inputs` (by name, all of them) instead of its own inputs,
/// and returns what its outputs became, in order. A parameter that `graph` has already is shared by name.
/// Throws Error(usage) for an input that is missing.
std::vector<Value> inlined(Graph& graph, const Graph& part, const std::map<std::string, Value>& inputs);

}  // namespace vitrail
