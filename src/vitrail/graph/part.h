#pragma once
// Parts of a network: the graph of some of its outputs alone.
//
// An instance segmentation network is one Graph with several inputs, the image and the crops that later parts
// see (graph/instance_system.h). Everything that is done to a graph is done to a part as well:
//
//   const Graph trunk = part_of(model.graph, {"box_codes", "class_logits"});   // reads `image` only
//   Engine engine(trunk, model.weights);                // an engine does not mind weights of other parts
//   Module module(trunk, weights_of(trunk, model.weights));   // what trains wants exactly its own

#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

/// The graph that computes the outputs of these names, in this order, with only the inputs, parameters and
/// nodes they need, under the same names. Throws Error(usage) naming the outputs that exist for one that does
/// not.
Graph part_of(const Graph& graph, const std::vector<std::string>& outputs);

/// The network as its parts: outputs that need the same inputs belong together, in the order of their first
/// one. A network of one input is one part.
std::vector<Graph> parts_of(const Graph& graph);

/// Those of `weights` that `part` has parameters for. One that is missing there is missing here: who reads
/// the weights says so.
Weights weights_of(const Graph& part, const Weights& weights);

/// The graph that computes `outputs` of `graph`, whose inputs it keeps even where nothing reads them. The
/// ground of part_of and Graph::for_inference.
Graph computing(const Graph& graph, const std::vector<Output>& outputs, bool every_input);

}  // namespace vitrail
