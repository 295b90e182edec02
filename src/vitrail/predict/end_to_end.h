#pragma once
// An instance segmentation network as one graph from the picture to masks, for runtimes that know nothing of
// boxes: trunk, proposals, decoding, NonMaxSuppression, crops (RoiAlign), heads and pasting, in ONNX's
// standard operators. SSD with and without branches, Mask R-CNN of every kind, the Pixel Voting Decoder's
// masks on it.
//
//   write_onnx("people-whole.onnx", end_to_end(model));     // ONNX Runtime runs it as it is
//
//   image   f32 [1, 3, H, W]   the picture at the network's size, (pixel - mean) / std
//   boxes   f32 [D, 4]         x1, y1, x2, y2 in pixels of that input, best first
//   scores  f32 [D]
//   classes i64 [D]            indices into the metadata's classes
//   masks   u8  [D, H, W]      1 inside the object; absent where the network gives boxes alone
//
// How many objects D there are depends on the picture; this library's engine runs such a graph in stages.
// Mask R-CNN's H and W are free unless `size` says them: whoever runs it resizes the picture as rcnn_size
// (rcnn_input.h) does; padding is inside.

#include "vitrail/graph/model.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

/// `size` is what the network sees; {0, 0}: what an SSD's preprocessing says, any size for Mask R-CNN.
/// `choice` is built in. Throws Error(unsupported) for what cannot be said so: a semantic segmentation
/// network, crops taken from anchors, an SSD's sides that are not multiples of 32, a network with other
/// classes than its metadata; Error(usage) as InstancePredictor.
Model end_to_end(const Model& model, Pair size = {0, 0}, const InstanceChoice& choice = {});

}  // namespace vitrail
