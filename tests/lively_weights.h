#pragma once
// Weights for comparing networks.

#include "vitrail/base/random.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {

/// Fresh weights, but no bias and no statistic at its neutral value: one that is forgotten must show.
inline Weights lively_weights(const Graph& graph, Random& random) {
  Weights weights = initial_weights(graph, 1);
  for (const Parameter& parameter : graph.parameters()) {
    if (parameter.shape.size() != 1) continue;
    Tensor values = weights.at(parameter.name).clone();
    for (float& value : values.data<float>())
      value += static_cast<float>(random.uniform(0, 0.5));
    weights[parameter.name] = values;
  }
  return weights;
}

}  // namespace vitrail
