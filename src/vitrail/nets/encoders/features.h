#pragma once
// What an encoder hands to a decoder: its maps from coarse to fine.

#include <cstdint>
#include <vector>

#include "vitrail/graph/graph.h"

namespace vitrail {

struct Feature {
  Value value;
  int64_t stride = 0;  ///< input pixels per cell, by the native strides: 4, 8, 16
};

struct Features {
  Value top;                   ///< the last map
  std::vector<Feature> skips;  ///< finer maps, coarsest first: strides 16, 8, 4
  bool same_padding =
      true;  ///< a map is ceil(H / stride) high; otherwise (Caffe) it may be one row and column less
};

}  // namespace vitrail
