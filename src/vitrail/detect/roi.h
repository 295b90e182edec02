#pragma once
// Crops of feature maps around boxes, all of one size: maps [N,C,H,W] -> crops [R,C,height,width]. Four ways:
//
//   roi_align        bilinear samples averaged in every bin, nothing is rounded (Mask R-CNN)
//   roi_pool         the largest value of every bin, on rounded boxes (Fast R-CNN)
//   crop_and_resize  one bilinear sample per output (TensorFlow)
//   crop_and_pool    crop_and_resize to twice the size, then 2x2 max-pool (TensorFlow's substitute for
//   RoIAlign)
//
//   Tensor crops = roi_align(maps, boxes, images, {.height = 7, .width = 7, .spatial_scale = 1.0 / 16});
//
// Maps are f32. `images` says for every box which of the N images it lies in; empty: all in the first. They
// run on the threads of base/parallel.h and give the same bits for any number of them. A box that is not
// finite throws Error(numeric), an image that is not there Error(shape).
//
// Definitions: SPEC 10.2 (RoIAlign, RoIPool), 15.12 (crop_and_resize), 10.1 (levels).

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"
#include "vitrail/graph/op.h"

namespace vitrail {

/// graph/op.h says what the fields mean: `aligned` or legacy, sampling_ratio 0 = adaptive. Throws
/// Error(unsupported) for the mode `maximum`, which the operator in a graph has.
Tensor roi_align(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                 const op::RoiAlign& op);

/// Corners times `spatial_scale` are rounded (halves away from zero), both ends belong to the box; a bin that
/// is empty is 0.
Tensor roi_pool(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images, Extent crop,
                double spatial_scale);

/// `boxes` are in pixels of the network's input of `image`; a box that covers all of it samples the map from
/// the centre of the first cell to the centre of the last. Samples outside of the map are 0.
Tensor crop_and_resize(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                       Extent crop, Extent image);
Tensor crop_and_pool(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                     Extent crop, Extent image);

/// Which of the system's maps (index into `strides`) a box is cropped from: floor(canonical_level +
/// log2(sqrt(area) / canonical_size)), no finer and no coarser than there are.
int64_t level_of(const Box& box, const RcnnSystem& system);

/// The crops of side x side that the system's heads see: every box from its level, cropped as `system.crop`
/// says. `maps` are those of `system.strides`; `image` is the network's input.
Tensor roi_crops(const std::vector<Tensor>& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                 const RcnnSystem& system, int64_t side, Extent image);

}  // namespace vitrail
