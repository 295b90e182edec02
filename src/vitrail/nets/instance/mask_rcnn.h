#pragma once
// Mask R-CNN (He et al. 2017; SPEC 10): proposals, then class, box and mask of each.
//
//   Model model = build_net("mask-rcnn-r50-fpn", {.classes = 80});
//   const Graph trunk = part_of(model.graph, {"objectness_4", ..., "features_32"});   // of the image
//   const Graph boxes = part_of(model.graph, {"class_logits", "box_codes"});          // of box_crops
//   const Graph masks = part_of(model.graph, {"mask_logits"});                        // of mask_crops
//   std::get<RcnnSystem>(model.info.instance);                                        // what joins them
//
// The networks, and what their masks are:
//   mask-rcnn-r50-c4        detectron2's without a pyramid: crops of 14x14 at stride 16, masks of 14x14
//   mask-rcnn-r50-fpn       detectron2's with one: boxes from crops of 7x7, masks of 28x28
//   mask-rcnn-r101-c4, -fpn the same on ResNet-101
//   mask-rcnn-r101-atrous   the Object Detection API's, which the thesis compares with (its total fits
//   exactly, SPEC
//                           10.3): map at stride 8, crops by crop-and-resize and max-pool, masks of 33x33.
//                           Slim pads the stem's pooling at the bottom and right alone where ours pads all
//                           around.
//   maskrcnn-resnet50-fpn   torchvision's; its weights load by name
//
// A class's masks are its own. Options: see read_rcnn_options (rcnn_settings.h).

#include "vitrail/nets/registry.h"

namespace vitrail {

enum class MaskRcnn { c4, fpn, torchvision };

Model mask_rcnn(const NetOptions& options, int64_t depth, MaskRcnn form);
Model mask_rcnn_atrous(const NetOptions& options);

}  // namespace vitrail
