#pragma once
// SSD on MobileNetV1 as TensorFlow's Object Detection API has it (SPEC 11.2), and the thesis's four ways of
// hanging instance segmentation branches on it (SPEC 11.3).
//
//   Model people = build_net("ssd-mobilenet-multi-shape", {.classes = 1, .set = {{"depth_multiplier",
//   "0.75"}}}); const Graph trunk = part_of(people.graph, {"box_codes", "class_logits", "features_32",
//   "features_16", "features_8"}); const Graph branch = part_of(people.graph, {"isb_9x4.masks"});
//   std::get<SsdSystem>(people.info.instance).branches;      // names and shapes, and how boxes choose
//
// Trunk: `image` [N,3,H,W], RGB in [-1, 1] -> `box_codes` [N,A,4], `class_logits` [N,A,C+1] (column 0 is the
// background), over levels, then cells in raster order, then the anchors of a cell. Branches read what is cut
// out of `features_32`, `features_16`, `features_8` (Conv2d_13_pointwise, Conv2d_11_pointwise,
// Conv2d_5_pointwise). Parameters have the names of the API's layers
// (`Conv2d_13_pointwise_1_Conv2d_2_1x1_256`, `BoxPredictor_0.ClassPredictor`), MobileNet's after `backbone.`,
// so that a detector's file and an ImageNet encoder's both load.
//
// Options: depth_multiplier, size (of the square image, 640), batch_norm_momentum, scores=sigmoid|softmax,
// score_threshold, iou_threshold, boxes, anchor_scales (of the six levels, 0.2,0.35,0.5,0.65,0.8,0.95); of
// branches: decoder=fcn8|fcn16|fcn32, shapes=default|new|small or a list such as 9x4,3x2,1x1, branch_kernel,
// branch_rate (one number, or one for each branch), branch_depth, branch_channels, branch_boxes,
// branch_activation=relu|relu6|none, encompassing, conditioned, from_anchors, class_masks, stop_gradient,
// mask_threshold (on logits; 0).

#include "vitrail/nets/registry.h"

namespace vitrail {

enum class SsdBranches {
  none,               ///< boxes alone
  single_branch,      ///< one of 10x10 cells for every box, resized to it
  single_shape,       ///< 12 exact shapes without resizing, others dropped; kernels no larger than the shape
  single_shape_plus,  ///< the same with plain kernels and 1x1, and one of 14x14 for the rest
  multi_shape,        ///< 10 shapes; a box is resized down to the first that it covers
};

Model ssd_mobilenet(const NetOptions& options, SsdBranches branches);

}  // namespace vitrail
