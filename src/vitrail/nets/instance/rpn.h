#pragma once
// The region proposal network (Ren et al. 2015; SPEC 10.1): for every anchor at every cell how likely an
// object is, and by how much its box differs. One head runs on all maps.
//
//   add_rpn_outputs(net, {{4, p2}, {8, p3}, {16, p4}, {32, p5}, {64, p6}}, {.anchors = 3});
//   // outputs objectness_4 [N, H/4*W/4*3], rpn_codes_4 [N, H/4*W/4*3, 4], ...

#include <vector>

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

struct RpnOptions {
  int64_t anchors = 3;   ///< per cell
  int64_t channels = 0;  ///< of the 3x3 convolution; 0 = as many as the maps have
  int64_t dilation = 1;  ///< of the same
  /// TensorFlow's: a background and an object logit per anchor. The output is their difference, of which the
  /// sigmoid is the softmax of both.
  bool two_logits = false;
};

/// Adds the outputs objectness_<stride> (logits) and rpn_codes_<stride> for each map, a cell's anchors
/// innermost. Parameters have the names of torchvision's published files: `rpn.head.conv`,
/// `rpn.head.cls_logits`, `rpn.head.bbox_pred`.
void add_rpn_outputs(const Scope& net, const std::vector<Feature>& maps, const RpnOptions& options);

}  // namespace vitrail
