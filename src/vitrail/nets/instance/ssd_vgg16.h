#pragma once
// SSD300 on VGG16 (Liu et al. 2016) as torchvision has it (SPEC 11.1).
//
//   Model model = build_net("ssd300-vgg16", {.classes = 90});
//   Pretrained file = load_pretrained("ssd300_vgg16_coco.pth", model.graph);     // torchvision's names
//
// `image` [N,3,300,300], RGB minus the mean -> `box_codes` [N,8732,4] (x, y, w, h), `class_logits`
// [N,8732,C+1], column 0 the background. Parameters have torchvision's names: `backbone.features.0.weight`,
// `backbone.extra.1.0.weight`, `head.classification_head.module_list.0.weight`.
//
// Options: width (of every map; 1), anchors=torchvision|caffe_coco|caffe_voc, score_threshold, iou_threshold,
// boxes (200), candidates (400 per class before suppression).

#include "vitrail/nets/registry.h"

namespace vitrail {

Model ssd300_vgg16(const NetOptions& options);

}  // namespace vitrail
