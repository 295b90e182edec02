#pragma once
// Crops of maps around boxes as part of a graph: detect/roi.h's with ONNX's RoiAlign. Private to what
// end_to_end.h exports.
//
//   const RoiCrops seen = roi_crops(e, maps, boxes, system, 7, input);     // each box from its level
//   const Value logits = e.rows(said_of(seen.crops), seen.place);          // in the boxes' order again

#include <vector>

#include "vitrail/predict/end_to_end/boxes.h"

namespace vitrail {

/// Sides of a picture, i64 [1] each.
struct Sides {
  Value height, width;
};

/// RoiAlign's third input for columns [n]: all boxes lie in the first image.
Value first_image(const Expressions& e, const BoxColumns& boxes);

/// TensorFlow's crop of twice the size, one sample at each of its cells, the largest of each 2 x 2. A map's
/// pixel is `y_scale` and `x_scale` (f32, one number each) of the input's.
Value pooled_crop(const Expressions& e, Value map, const BoxColumns& boxes, Pair grid, Value y_scale,
                  Value x_scale);

/// Which of boxes are some group's: of all of them bool [n] and the how manieth, i64 [n]; and where those of
/// the group stand, i64 [count], with `count` at least 1.
///
/// Not every runtime computes with no crops at all: a group without boxes gets one that nobody asks for.
struct Taken {
  Value whether, rank, indices, count;
};
Taken taken(const Expressions& e, Value whether);

/// Crops [n, C, side, side] of at least one box; that of box i is row place[i], which does not exist where
/// rows are boxes.
struct RoiCrops {
  Value crops, place;
};
/// `maps` are those of the system's strides, `boxes` columns [R], R at least 1; `input` is the network's.
RoiCrops roi_crops(const Expressions& e, const std::vector<Value>& maps, const BoxColumns& boxes,
                   const RcnnSystem& system, int64_t side, const Sides& input);

}  // namespace vitrail
