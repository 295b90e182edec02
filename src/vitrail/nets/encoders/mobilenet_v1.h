#pragma once
// MobileNetV1 (Howard et al. 2017), as TensorFlow-slim has it: the encoder of the thesis's real-time networks
// (SPEC 1.2).
//
//   Features f = mobilenet_v1(net / "backbone", image, {.depth_multiplier = 0.5});   // f.top: 512 channels
//   at stride 32
//
// Use it where speed on a CPU matters most. TensorFlow's SAME padding throughout (the pretrained weights
// expect it), batch normalisation and ReLU6 after every convolution. Parameters are named as slim's layers:
// `Conv2d_0.weight`, `Conv2d_0.BatchNorm.weight`, `Conv2d_1_depthwise.weight` ...
// `Conv2d_13_pointwise.BatchNorm.running_var`.

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

struct MobileNetV1Options {
  double depth_multiplier = 1;  ///< channels = max(int(C * multiplier), min_depth)
  int64_t min_depth = 8;        ///< 16 in the Object Detection API
  int64_t output_stride = 32;   ///< 4, 8, 16 or 32; below 32 by dilation (SPEC 1.3)
  /// Memory of the running statistics: slim's .9997 is for ImageNet's million steps, .99 for fine-tuning; few
  /// steps from random weights want .9.
  double batch_norm_momentum = 0.99;
  int64_t last_atrous_rate =
      1;  ///< multiplies the rate of the last depthwise layer: the thesis's 1, 3, 5 (its section 4.3)
};

/// image: [N, 3, H, W], RGB scaled to [-1, 1]. Skips: Conv2d_11_pointwise (stride 16), Conv2d_5_pointwise
/// (8), Conv2d_3_pointwise (4).
Features mobilenet_v1(const Scope& scope, Value image, const MobileNetV1Options& options = {});

}  // namespace vitrail
