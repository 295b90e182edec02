#pragma once
// An instance segmentation network as one graph from the picture to masks, for runtimes that know nothing of
// boxes: trunk, decoding, NonMaxSuppression, crops (RoiAlign), branches and pasting, in ONNX's standard
// operators.
//
//   write_onnx("people-whole.onnx", end_to_end(model));     // ONNX Runtime runs it as it is
//
//   image   f32 [1, 3, H, W]   the picture at the network's size, (pixel - mean) / std
//   boxes   f32 [D, 4]         x1, y1, x2, y2 in pixels of that input, best first
//   scores  f32 [D]
//   classes i64 [D]            indices into the metadata's classes
//   masks   u8  [D, H, W]      1 inside the object; absent where the network gives boxes alone
//
// How many objects D there are depends on the picture.

#include "vitrail/graph/model.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

/// `size` is what the network sees; {0, 0}: what its preprocessing says. `choice` is built in. Throws
/// Error(unsupported) for what cannot be said so: a network of region proposals, crops taken from anchors,
/// sides that are not multiples of 32; Error(usage) as InstancePredictor.
Model end_to_end(const Model& model, Pair size = {0, 0}, const InstanceChoice& choice = {});

}  // namespace vitrail
