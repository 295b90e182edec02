#pragma once
// Weights for comparing networks.

#include "vitrail/base/random.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {

/// Fresh weights, but biases and statistics moved by low ... high from their neutral values: one that is
/// forgotten must show.
inline Weights lively_weights(const Graph& graph, Random& random, double low = 0, double high = 0.5) {
  Weights weights = initial_weights(graph, 11);
  for (const Parameter& parameter : graph.parameters()) {
    if (parameter.shape.size() != 1) continue;
    Tensor values = weights.at(parameter.name).clone();
    for (float& value : values.data<float>())
      value += static_cast<float>(random.uniform(low, high));
    weights[parameter.name] = values;
  }
  return weights;
}

}  // namespace vitrail
