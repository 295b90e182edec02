#pragma once
// Sizes for the inputs of an instance segmentation network: what its cost, and tests of the whole graph, are
// computed at.
//
//   Cost cost = cost_of(model.graph, instance_input_shapes(model, 640, 640, 100));

#include <map>
#include <string>

#include "vitrail/graph/model.h"

namespace vitrail {

/// One image of at least height x width (rounded up to what the network needs), and crops of `boxes` boxes.
std::map<std::string, Shape> instance_input_shapes(const Model& model, int64_t height, int64_t width,
                                                   int64_t boxes);

}  // namespace vitrail
