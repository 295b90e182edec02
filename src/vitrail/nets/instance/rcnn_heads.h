#pragma once
// What Mask R-CNN runs on crops (SPEC 10.1): class and box from one crop per proposal, a mask from one crop
// per object. Each is a part of its own that begins at an input of the graph (graph/instance_system.h,
// RcnnSystem).
//
// Parameters have the names of torchvision's published files after `roi_heads.`: `box_head.fc6`,
// `box_head.fc7`, `box_predictor.cls_score`, `box_predictor.bbox_pred`, `mask_head.mask_fcn1` ...
// `mask_fcn4`, `mask_predictor.conv5_mask`, `mask_predictor.mask_fcn_logits`.

#include "vitrail/nets/scope.h"

namespace vitrail {

struct RcnnColumns {
  int64_t classes = 80;
  int64_t boxes = 80;  ///< boxes per proposal: one, one per class, or one per class and the background
  int64_t masks = 80;  ///< masks per object
};

/// Adds the outputs class_logits [R, classes + 1] and box_codes [R, 4 boxes] from features [R, C].
void add_box_outputs(const Scope& roi_heads, Value features, const RcnnColumns& columns);

/// The pyramid's: [R, C, h, w] -> two fully connected layers -> [R, width].
Value box_features(const Scope& roi_heads, Value crops, int64_t width);

/// The pyramid's: four 3x3 convolutions of `width` on [R, C, m, m], then `mask_predictor`.
Value mask_scores(const Scope& roi_heads, Value crops, int64_t width, int64_t masks);
/// Transposed 2x2 convolution with stride 2 to `width`, then 1x1: [R, C, m, m] -> [R, masks, 2m, 2m].
Value mask_predictor(const Scope& roi_heads, Value features, int64_t width, int64_t masks);

}  // namespace vitrail
