#pragma once
// Where the cells of a map lie in the image: what FCN's crop offsets follow from.
//
//   grid_of(graph, pool5)   // VGG16 padded by 100: step 32, origin -83.5: cell i is centred on pixel 32 i
//   - 83.5
//
// Two maps of one step are aligned by cropping (b.origin - a.origin) / step cells off a.

#include "vitrail/graph/graph.h"

namespace vitrail {

/// Cell i of a map is centred on pixel `origin + i * step` of the image (rows and columns alike).
struct Grid {
  double step = 1;
  double origin = 0;
};

/// Follows convolutions, transposed convolutions, pools and crops back to an input of the graph, and
/// element-wise operators through their first input. Throws Error(unsupported) for an operator that has no
/// such grid (a resize, automatic padding, different rows and columns).
Grid grid_of(const Graph& graph, Value value);

/// How many cells must go from the top and left of `map` for its cell 0 to lie where `target`'s does. Throws
/// Error(shape) where that is not a whole number or the steps differ.
int64_t cells_between(const Graph& graph, Value map, Value target);

}  // namespace vitrail
