#pragma once
// MobileNetV3-Large (Howard et al. 2019) as torchvision has it, dilated to output stride 16 for segmentation.
//
//   MobileNetV3Maps maps = mobilenet_v3_large(net / "backbone", image);
//
// Parameters have torchvision's names: `0.0.weight` (the first convolution), `1.block.0.0.weight` ...
// `16.1.weight`.

#include "vitrail/nets/scope.h"

namespace vitrail {

struct MobileNetV3Maps {
  Value low;   ///< stride 8, 40 channels
  Value high;  ///< stride 16, 960 channels
};

MobileNetV3Maps mobilenet_v3_large(const Scope& scope, Value image, double width = 1);

}  // namespace vitrail
