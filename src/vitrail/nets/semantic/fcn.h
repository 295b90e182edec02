#pragma once
// Fully convolutional networks (Long, Shelhamer, Darrell 2015; SPEC 2.1): an image classifier made
// convolutional, its scores brought back to the image by transposed convolutions that start as bilinear
// interpolation, in one step (32s) or joined on the way by scores of finer maps (16s, 8s).
//
//   Model model = fcn({.classes = 21}, {.trunk = FcnTrunk::vgg16, .finest = 8});
//
// The first convolution is padded by 100, so that an image of any size fits, and maps are cropped to each
// other by the offsets that follow from where their cells lie (grid.h); for VGG16 these are the published 5,
// 9 and 31 (19, 27). Parameters: `backbone.*` (torchvision's names for VGG16 and GoogLeNet, Caffe's for
// AlexNet), `score_fr`, `upscore2`, `score_pool4`, `upscore_pool4`, `score_pool3`, `upscore`.

#include "vitrail/nets/registry.h"

namespace vitrail {

enum class FcnTrunk { vgg16, alexnet, googlenet };

struct FcnOptions {
  FcnTrunk trunk = FcnTrunk::vgg16;
  int64_t finest = 8;  ///< 32, 16 or 8
};

/// `--set` may change: width; learn_upsampling (1: transposed convolutions are trained; the released networks
/// keep them, "no difference"); at_once (1: the finer maps are scaled by .01 and .0001, so that all strides
/// train together); zero_scores (1: score layers start from zero, as Caffe's); geometric (that many classes:
/// a second branch of score layers, `geometric.*`, to an output "geometric", as for SIFT Flow).
Model fcn(const NetOptions& options, const FcnOptions& parts);

/// FCN-32s for NYUDv2's colour and depth (SPEC 2.1, "color+HHA"): two encoders on VGG16 with scores of their
/// own
/// (`color.backbone.*`, `color.score_fr`; `hha.backbone.*`, `hha.score_fr`), the first on channels 0..2 of
/// the image, the second on those behind; the mean of the two scores is brought up to the image. in_channels
/// is 6 unless asked for otherwise (4: colour and a depth of one channel), at least 4. `--set` may change:
/// width, learn_upsampling, zero_scores. Two single FCN-32s are its start: net.start_parts.
Model fcn32s_color_hha(const NetOptions& options);

}  // namespace vitrail
