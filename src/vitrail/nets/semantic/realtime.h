#pragma once
// The thesis's real-time networks (chapter 4, Table 4.2; SPEC 2.2): MobileNetV1 or SqueezeNet, class scores,
// FCN skip steps or a finer output stride, and bilinear upsampling to the image.
//
// Use them for masks in real time on a CPU. Input "image" [N, 3, H, W], any size; output "logits" [N,
// classes, H, W].
//
//   Model model = mobilenet_segmenter({.classes = 19}, {.depth_multiplier = 0.5}, {.finest_skip = 8});   //
//   FCN-8

#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/encoders/squeezenet.h"
#include "vitrail/nets/registry.h"

namespace vitrail {

struct RealtimeDecoder {
  int64_t finest_skip = 0;  ///< stride of the finest skip connection: 16 (FCN-16), 8 (FCN-8), 4; 0 = none
};

/// `--set` may change depth_multiplier, output_stride, last_atrous_rate and batch_norm_momentum.
Model mobilenet_segmenter(const NetOptions& options, MobileNetV1Options encoder, RealtimeDecoder decoder);
/// `--set` may change output_stride and last_atrous_rate.
Model squeezenet_segmenter(const NetOptions& options, SqueezeNetOptions encoder, RealtimeDecoder decoder);

}  // namespace vitrail
