#pragma once
// PSPNet's pyramid pooling (Zhao et al. 2017; SPEC 5.1): the map pooled to a few grids of bins, each spread
// over the map again, beside the map itself.
//
//   Value scores = psp_head(net / "head", c4, 150);                                       // bins 1, 2, 3, 6
//   Value scores = psp_head(net / "head", c4, 150, {.bins = {1}, .reduce = false});       // a row of its
//   Table 1
//
// Bins are adaptive (any map size); with a map that they divide they are Caffe's fixed windows.

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

struct PspOptions {
  std::vector<int64_t> bins{1, 2, 3,
                            6};  ///< grids, in the order in which they are concatenated after the map
  bool maximum = false;          ///< the largest of each bin instead of the mean
  bool reduce = true;            ///< 1x1 to C_in / 4 on each grid ("DR"); false: the pooled maps as they are
};

/// [N, C, h, w] -> [N, 2C, h, w] (with 4 reduced bins). Parameters `conv1.0.weight`, `conv1.1.*` ... per
/// grid.
Value pyramid_pooling(const Scope& scope, Value x, const PspOptions& options = {});

/// Pyramid pooling `conv5.0`, 3x3 to C/4 (`conv5.1`, `conv5.2`), dropout, 1x1 to the classes (`conv5.5`).
Value psp_head(const Scope& scope, Value x, int64_t classes, const PspOptions& options = {});

}  // namespace vitrail
