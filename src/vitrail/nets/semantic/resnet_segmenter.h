#pragma once
// The networks on ResNet: an encoder, a way to a map of stride 8, a head. PSPNet, DeepLabv2 and v3, EncNet,
// FastFCN and FCN-8s are choices of the three.
//
//   Model model = resnet_segmenter({.classes = 59}, {.encoder = {.depth = 50, .deep_stem = true,
//   .output_stride = 32},
//                                                    .neck = Neck::jpu, .head = SegmentationHead::encoding});
//
// Parameters: `backbone.*` (resnet.h), `jpu.*` or `fpn.*`, `head.*`, `aux.*`. Outputs: "logits" at the
// image's size; training-only "aux" (scores of the third stage, at the image's size) and "se" ([N, classes],
// EncNet's presence logits); with `scales` "scale1", "scale0.75" ...: each scale's scores at their own size.

#include <array>

#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/registry.h"

namespace vitrail {

/// What stands between encoder and head.
enum class Neck {
  none,      ///< the last map as it is; the encoder dilates (or the head brings it up)
  jpu,       ///< joint pyramid upsampling of the last three maps (FastFCN)
  bilinear,  ///< the last map brought to stride 8
  fpn,       ///< feature pyramid to stride 8
};

enum class SegmentationHead {
  score,     ///< 1x1: the plain fully convolutional network
  fcn,       ///< 3x3, 1x1
  fcn_skip,  ///< 1x1 and skip steps with transposed convolutions: FCN-8s
  psp,       ///< pyramid pooling
  aspp,      ///< DeepLabv3's pyramid; options as FastFCN and PyTorch-Encoding have it
  aspp_v3,   ///< the same as the paper has it, without the extra convolution
  aspp_v2,   ///< DeepLabv2: a sum of dilated 3x3 convolutions
  encoding,  ///< EncNet's context head
  context,   ///< 1x1 scores and the basic context module of dilated convolutions
};

struct ResNetSegmenter {
  ResNetOptions encoder;
  Neck neck = Neck::none;
  SegmentationHead head = SegmentationHead::fcn;
  bool auxiliary = true;  ///< an FCN head on the third stage for the loss
  bool caffe =
      false;  ///< BGR 0..255 and half-pixel upsampling instead of torchvision's input and aligned corners
  bool multi_scale = false;  ///< with aspp_v2: the image is seen at .75 and .5, too (DeepLabv2's MSC)
};

/// `--set` may change: width, deep_stem, output_stride, dilation (half_first, full), multi_grid (three
/// numbers), aux; with the JPU jpu_width; with psp bins, pool (average, maximum), reduce; with aspp rates
/// and, of DeepLabv2, scales (at which the same weights see the image beside 1: 0.75,0.5); with encoding
/// codewords, lateral (of dilated encoders); with fcn_skip finest_skip (16, 8, 4).
Model resnet_segmenter(const NetOptions& options, ResNetSegmenter parts);

/// The same necks and heads on MobileNetV1 (not published in this form): what the papers' contexts give an
/// encoder that runs in real time. `--set` may change depth_multiplier, output_stride, batch_norm_momentum,
/// aux, and the neck's and head's options.
Model mobilenet_context(const NetOptions& options, const MobileNetV1Options& encoder, Neck neck,
                        SegmentationHead head);

}  // namespace vitrail
