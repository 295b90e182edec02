#pragma once
// Crops of feature maps (detect/roi.h, detect/branches.h) with gradients: values and bits are prediction's.
//
//   at::Tensor crops = roi_align(map, boxes, images, {.height = 7, .width = 7, .spatial_scale = 1.0 / 16});
//   at::Tensor crops = branch_crops(map_16, 16, regions, images, branch, {640, 640});      // [R,C,18,8]
//   crops.sum().backward();
//
// Maps are [N,C,H,W]; the gradient goes to them alone (boxes are constants in training: Ren et al. 2015).
// They are computed in f32 on the CPU; a map of another type or place is converted, and its gradient back.
// They throw what detect/'s throw.

#include <span>

#include <torch/torch.h>

#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"
#include "vitrail/graph/op.h"

namespace vitrail::train {

at::Tensor roi_align(const at::Tensor& map, std::span<const Box> boxes, std::span<const int64_t> images,
                     const op::RoiAlign& op);
at::Tensor crop_and_pool(const at::Tensor& map, std::span<const Box> boxes, std::span<const int64_t> images,
                         Extent crop, Extent image);
at::Tensor branch_crops(const at::Tensor& map, int64_t stride, std::span<const Box> regions,
                        std::span<const int64_t> images, const BranchSystem& branch, Extent image);

}  // namespace vitrail::train
