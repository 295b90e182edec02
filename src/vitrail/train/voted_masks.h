#pragma once
// Training the Pixel Voting Decoder's masks for instances (nets/instance/pvd_rcnn.h): seeds with gradients to
// the class head, and what masks of the whole picture cost.

#include <span>
#include <vector>

#include <torch/torch.h>

#include "vitrail/detect/box.h"
#include "vitrail/image/rle.h"

namespace vitrail::train {

/// placed_seeds of predict/voted_masks.h with gradients to the scores: [objects, side, side] -> [1, objects,
/// h, w].
at::Tensor placed_seeds(const at::Tensor& scores, std::span<const Box> boxes, Extent map, int64_t stride);

/// Binary cross-entropy of logits [1, objects, h, w] against each object's mask, at the pixels that the cells
/// stand for (stride * cell): the mean over the cells in the object's box, and then over the objects. `masks`
/// are in pixels of the network's input.
at::Tensor voted_mask_loss(const at::Tensor& logits, std::span<const Box> boxes, std::span<const Mask> masks,
                           int64_t stride);

}  // namespace vitrail::train
