#pragma once
// What the SSDs share: from maps to rows of codes and of class logits.

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

/// What the predictors of one level say: [N, anchors * 4, h, w] and [N, anchors * (classes + 1), h, w], a
/// cell's anchors one after the other.
struct SsdLevel {
  Value codes, logits;
};

/// Adds the outputs `box_codes` [N,A,4] and `class_logits` [N,A,classes + 1]: level after level, cells in
/// raster order, a cell's anchors innermost.
void add_ssd_outputs(const Scope& net, const std::vector<SsdLevel>& levels, int64_t classes);

}  // namespace vitrail
