#pragma once
// What a network costs, counted from the graph: parameters, multiply-adds, activation memory.
//
//   Cost cost = cost_of(graph, {1, 3, 1024, 2048});
//   cost.parameters_learnable;               // 834099
//   cost.parameters_with_running_statistics; // 839283: how the thesis (and TensorFlow) counts

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

struct LayerCost {
  std::string name;
  std::string type;
  Shape output;
  int64_t parameters = 0;  ///< learnable
  int64_t parameters_with_running_statistics = 0;
  int64_t multiply_adds = 0;
  int64_t activation_bytes = 0;  ///< of its outputs
};

struct Cost {
  int64_t parameters_learnable = 0;
  int64_t parameters_with_running_statistics = 0;
  int64_t multiply_adds =
      0;  ///< of Conv, ConvTranspose and other matrix products; not of BN, activations, pooling or resizing
  int64_t activation_bytes =
      0;  ///< every node's output, f32, nothing reused ("output bytes" of the TensorFlow profiler)
  int64_t peak_bytes = 0;  ///< most bytes of activations alive at once when each is freed after its last use
  /// Layers with sizes that depend on what the network computes (the boxes that it finds): their output says
  /// -1, and nothing of them is counted but parameters.
  int64_t open_layers = 0;
  std::vector<LayerCost> layers;  ///< in order of execution
};

/// Costs of the inference graph (training-only outputs are left out) for these input shapes, by name.
Cost cost_of(const Graph& graph, const std::map<std::string, Shape>& inputs);
/// The same for a graph with one input.
Cost cost_of(const Graph& graph, const Shape& input);

}  // namespace vitrail
