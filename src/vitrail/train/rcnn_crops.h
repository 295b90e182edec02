#pragma once
// The crops that Mask R-CNN's heads see (detect/roi.h), with gradients to the maps.
//
//   at::Tensor crops = rcnn_crops({p2, p3, p4, p5}, boxes, images, system, 7, {800, 1088});   // [R, 256, 7,
//   7] crops.sum().backward();
//
// The values are those of detect/'s roi_crops, which prediction uses. Boxes get no gradient: proposals are
// constants in training (Ren et al. 2015).

#include <span>
#include <vector>

#include <torch/torch.h>

#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail::train {

/// `maps` [N,C,H/s,W/s] are those of system.strides; boxes are in pixels of the network's input of size
/// `input`; `images` says for each which of the N it lies in. Throws as detect/'s.
at::Tensor rcnn_crops(const std::vector<at::Tensor>& maps, std::span<const Box> boxes,
                      std::span<const int64_t> images, const RcnnSystem& system, int64_t side, Extent input);

}  // namespace vitrail::train
