#pragma once
// RoiAlign (graph/op.h) with gradients: crops of feature maps around boxes, by bilinear samples. LibTorch has
// no such operator of its own.
//
//   at::Tensor crops = roi_align({.height = 7, .width = 7, .spatial_scale = 1.0 / 16}, maps, boxes,
//   image_of_box);
//
// The gradient goes to the maps alone: that of the boxes is not used by any network, and ONNX does not define
// it. Each channel's gradient is summed by one thread, box after box, so its bits do not depend on the number
// of threads.

#include <torch/torch.h>

#include "vitrail/graph/op.h"

namespace vitrail::train {

/// x: [N,C,H,W], boxes: [R,4], image_of_box: [R]. Result: [R,C,height,width]. Throws Error(limit) for a box
/// that is not finite or not within some thousand times the map, Error(shape) for an image that is not there.
at::Tensor roi_align(const op::RoiAlign& op, const at::Tensor& x, const at::Tensor& boxes,
                     const at::Tensor& image_of_box);

}  // namespace vitrail::train
