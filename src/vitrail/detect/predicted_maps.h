#pragma once
// The maps that an SSD predicts boxes from, found in its graph: what anchors_of() wants for an input size.
//
//   const Graph trunk = part_of(model.graph, {"box_codes", "class_logits"});
//   std::vector<Box> anchors = anchors_of(system.anchors, predicted_maps(trunk, {640, 640}), {640, 640});

#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/graph.h"

namespace vitrail {

/// Level after level, in the order of the rows of `box_codes`, which is their concatenation (nets/instance/).
/// `trunk` has one input, the image. Throws Error(unsupported) for a graph that is not built so.
std::vector<Extent> predicted_maps(const Graph& trunk, Extent image);

}  // namespace vitrail
