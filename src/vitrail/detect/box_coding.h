#pragma once
// The four numbers with which a detector says how a box differs from its anchor:
//
//   dy = (centre_y - anchor_centre_y) / anchor_height * scales[0]     dh = log(height / anchor_height) *
//   scales[2] dx = (centre_x - anchor_centre_x) / anchor_width  * scales[1]     dw = log(width  /
//   anchor_width)  * scales[3]
//
// in the order (dy, dx, dh, dw) or (dx, dy, dw, dh), as BoxCoding says (graph/instance_system.h):
//
//   std::array<float, 4> code = encode(box, anchor, coding);
//   Box again = decode(code, anchor, coding);                   // box, as far as largest_log allows

#include <array>

#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// Sides get 1e-8 pixels more, so that a box of no size has a finite code, as in TensorFlow.
std::array<float, 4> encode(const Box& box, const Box& anchor, const BoxCoding& coding);
/// dh and dw, divided by their scales, are cut at `coding.largest_log` (log(1000 / 16) in detectron2 and
/// torchvision; TensorFlow's cut of the code itself at 80 is 80 / scale).
Box decode(std::span<const float, 4> code, const Box& anchor, const BoxCoding& coding);

/// Codes [A,4], one after the other. `codes` may hold several per anchor ([A,K,4], one per class): then K
/// boxes per anchor. Throws Error(shape) when they do not fit, Error(numeric) for a code that is not finite.
std::vector<Box> decode_all(std::span<const float> codes, std::span<const Box> anchors,
                            const BoxCoding& coding);

}  // namespace vitrail
