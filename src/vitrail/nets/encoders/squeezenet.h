#pragma once
// SqueezeNet 1.0 and 1.1 (Iandola et al. 2016): fire modules, no batch normalisation (SPEC 1.2).
//
//   Features f = squeezenet(net / "backbone", image, {.version = SqueezeNetVersion::v1_1});   // f.top: 512
//   channels, stride 16
//
// The first convolution is not padded and pooling rounds up, as in Caffe; the pretrained weights (BGR 0..255
// minus mean) expect it. Parameters: `conv1.weight`, `fire2.squeeze1x1.weight`, `fire2.expand3x3.bias` ...

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

enum class SqueezeNetVersion { v1_0, v1_1 };

struct SqueezeNetOptions {
  SqueezeNetVersion version = SqueezeNetVersion::v1_1;
  int64_t output_stride =
      16;  ///< 4, 8 or 16; below 16 the last pools keep the resolution and the layers after them dilate
  int64_t last_atrous_rate = 1;    ///< multiplies the rate of the last fire module's 3x3 convolution
  bool torchvision_names = false;  ///< `features.0.weight`, `features.3.squeeze.weight` ...
};

/// image: [N, 3, H, W]. Skips are the outputs of the second pool (stride 8; 128 channels in 1.1) and of the
/// first (stride 4).
Features squeezenet(const Scope& scope, Value image, const SqueezeNetOptions& options = {});

}  // namespace vitrail
