#pragma once
// A model's graph with the ending that prediction needs, so that the engine can fuse it with what comes
// before.
//
//   PredictionGraph g = prediction_graph(model, Ending::labels);
//   Engine engine(g.graph, g.weights);       // image [1,C,H,W] -> class indices i64 [1,1,H,W]

#include "vitrail/graph/model.h"

namespace vitrail {

enum class Ending {
  logits,         ///< f32 [N, classes, h, w] as the network gives them, of whatever size
  labels,         ///< i64 [N, 1, H, W], the largest logit's index, at the input's size
  probabilities,  ///< f32 [N, classes, H, W], softmax over classes, at the input's size
};

struct PredictionGraph {
  Graph graph;
  Weights weights;
};

/// The inference part of `model` with exactly one output. A Softmax, ArgMax or Identity that already ends the
/// network is taken off first; a network of one output channel and two classes gets the logits {0, x}, whose
/// softmax is x's sigmoid (a Sigmoid that ends it is taken off too); logits smaller than the input are
/// resized linearly to it.
///
/// Throws Error(usage) when the network's channels do not agree with `model.info` (classes, mean), and
/// Error(unsupported) for a network that does not map one image to one map of logits.
PredictionGraph prediction_graph(const Model& model, Ending ending);

/// Throws Error(unsupported) that says what the network reads, unless that is one image N x C x H x W.
void expect_image(const Graph& graph);

/// The size of the network's input where the graph or the metadata fixes it, {0, 0} where any size goes.
/// Throws Error(unsupported) where only one of height and width is fixed.
Pair fixed_input_size(const Model& model);

}  // namespace vitrail
