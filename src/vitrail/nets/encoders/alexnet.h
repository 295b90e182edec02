#pragma once
// AlexNet (Krizhevsky et al. 2012), as Caffe has it (two groups, local response normalisation) and as
// torchvision has it
// ("one weird trick": other widths, neither). They are different networks (SPEC 1.1).

#include <array>

#include "vitrail/nets/scope.h"

namespace vitrail {

enum class AlexNetVersion { torchvision, caffe };

struct AlexNetOptions {
  AlexNetVersion version = AlexNetVersion::torchvision;
  int64_t groups = 2;      ///< of Caffe's conv2, conv4, conv5; 1 is what one large device would have computed
  int64_t first_pads = 0;  ///< Caffe's conv1: 0 for inputs of 227, 100 in FCN
  double width = 1;
};

/// The maps behind the three pools: strides 8, 16, 32. Parameters: torchvision's `features.0.weight` ..., or
/// Caffe's `conv1.weight` ... `conv5.bias`. Caffe pools first, then normalises (CaffeNet, FCN), and rounds
/// sizes up.
std::array<Value, 3> alexnet(const Scope& scope, Value image, const AlexNetOptions& options = {});

}  // namespace vitrail
