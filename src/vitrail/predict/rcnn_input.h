#pragma once
// Pictures as Mask R-CNN sees them (SPEC 10.1): resized so that the short side has a given length and the
// long side no more than another, the aspect kept; then padded at bottom and right to what the network's maps
// divide by.
//
//   const Extent size = rcnn_size({480, 640}, system);                   // {800, 1067}
//   const Tensor input = rcnn_input(photo, model.info, size);            // [1, 3, 800, 1088] for a multiple
//   of 32
//
// Boxes of the network are in pixels of the resized picture; what is padded holds none.

#include "vitrail/detect/box.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/reduced_image.h"

namespace vitrail {

/// The size that a picture is resized to. detectron2 rounds to the nearest pixel; torchvision computes the
/// scale in single precision and rounds down.
Extent rcnn_size(Extent picture, const RcnnSystem& system);

/// The network's input: `size` of it is the picture, the rest 0 (the mean colour).
Tensor rcnn_input(const ReducedView& picture, const ModelInfo& info, Extent size);

}  // namespace vitrail
