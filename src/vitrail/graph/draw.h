#pragma once
// A graph as Graphviz text: `vitrail inspect NET --dot | dot -Tsvg > net.svg`.

#include <map>
#include <string>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// One box per node with its type, name and output shape for `inputs` (by name); batch normalisation and
/// activations are joined to the convolution that feeds them when nothing else reads it.
std::string graphviz(const Graph& graph, const std::map<std::string, Shape>& inputs);
/// The same for a graph with one input.
std::string graphviz(const Graph& graph, const Shape& input);

}  // namespace vitrail
