#pragma once
// The weights of a run before its first step.
//
//   StartWeights start = start_weights(recipe, model, "pretrained/");
//   Module module(model.graph, start.weights);
//   for (const std::string& note : start.notes) ...   // what was taken from where, for people
//
// In this order, later ones winning: the graph's own initialisers; the weights of the file that net.from
// names; the pretrained encoder (weights/pretrained.h); and the weights of a former run's model, net.start,
// wherever a parameter has the same name and the same shape. So FCN-16s starts from FCN-32s, the paper's
// staged training, and its finer scores start fresh. A network of two networks, colour and depth, starts from
// theirs: net.start_parts. A first layer may read more channels than it did (weights/first_layer.h).

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/train/recipe.h"

namespace vitrail::train {

struct StartWeights {
  Weights weights;                 ///< of every parameter of the graph
  std::vector<std::string> notes;  ///< sentences without an end
};

/// `model` has the graph, and the weights of net.from where that is set; `place` as in find_pretrained.
/// Throws Error(usage) where net.start shares no parameter with the network, and what reading the files
/// throws.
StartWeights start_weights(const Recipe& recipe, const Model& model, const std::filesystem::path& place);

}  // namespace vitrail::train
