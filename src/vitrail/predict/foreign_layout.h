#pragma once
// Networks from elsewhere whose image or result is laid out otherwise than ours.

#include "vitrail/graph/model.h"

namespace vitrail {

/// `model` with its image as N x C x H x W and its result as N x classes x h x w of floats:
///
///   input  [N,H,W,C]               a Transpose goes before it
///   input  of bytes or integers    a Cast goes before it, where it is the only input
///   output [N,h,w,classes]         a Transpose goes after it (before its ArgMax, where one ends it)
///   output [N,h,w], [N,1,h,w]      of label numbers: one map per class, 1 where the label is that class
///
/// The number of means says how many channels an image has, `info.classes` how many classes there are. What
/// fits already, and what fits nothing or labels no pixels, is left as it is.
Model with_image_layout(Model model);

}  // namespace vitrail
