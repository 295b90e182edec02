#pragma once
// GoogLeNet (Szegedy et al. 2015), as Caffe's BVLC has it (biases, local response normalisation, 5x5
// convolutions) and as torchvision has it (batch normalisation, and by its own admission 3x3 where the paper
// has 5x5). SPEC 1.2.

#include <vector>

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

enum class GoogLeNetVersion { torchvision, bvlc };

struct GoogLeNetOptions {
  GoogLeNetVersion version = GoogLeNetVersion::torchvision;
  int64_t first_pads = 3;  ///< 100 in FCN
  double width = 1;
};

struct GoogLeNetMaps {
  Value stride8;      ///< inception3b
  Value inception4a;  ///< where training's first auxiliary classifier sits
  Value inception4d;  ///< and the second
  Value stride16;     ///< inception4e
  Value top;          ///< inception5b: stride 32, 1024 channels
};

/// Parameters: torchvision's `conv1.conv.weight`, `conv1.bn.*`, `inception3a.branch2.1.conv.weight` ...;
/// BVLC's have the same names with `conv.bias` instead of `bn`.
GoogLeNetMaps googlenet(const Scope& scope, Value image, const GoogLeNetOptions& options = {});

/// torchvision's auxiliary classifier: [N, C, h, w] -> [N, classes, 1, 1]. Parameters `conv.*`, `fc1`, `fc2`.
Value googlenet_auxiliary(const Scope& scope, Value x, int64_t classes);

}  // namespace vitrail
