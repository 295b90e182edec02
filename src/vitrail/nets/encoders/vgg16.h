#pragma once
// VGG16 (Simonyan & Zisserman 2015), the encoder of FCN, SegNet, DeepLabv1 and the dilated front end
// (SPEC 1.2, 2, 4, 6).
//
//   VggMaps maps = vgg16(net / "backbone", image, {.style = VggStyle::fcn});
//   Value fc7 = fully_connected(net / "backbone", maps.top(), {.kernel = 7});
//
// Parameters have torchvision's names (`features.0.weight` ... `features.28.bias`; with batch normalisation
// `features.0.weight`, `features.1.running_mean` ... of vgg16_bn), whatever the style: its weight files fit
// them all.

#include <array>

#include "vitrail/nets/scope.h"

namespace vitrail {

/// What the published users made of padding, pooling and dilation.
enum class VggStyle {
  torchvision,  ///< 3x3 padded by 1, pools 2/2 rounded down
  fcn,          ///< the first convolution padded by 100 (an image of any size fits), pools rounded up
  segnet,       ///< padded by 1, pools rounded up
  large_fov,    ///< pools 3/2 (padded by 1, rounded up), the last two with stride 1; conv5 dilated by 2
  front_end,    ///< no padding at all, the last two pools left out, conv5 dilated by 2
};

struct VggOptions {
  VggStyle style = VggStyle::torchvision;
  bool batch_norm = false;
  double width = 1;
};

struct VggMaps {
  std::array<Value, 5> before_pool;  ///< the last map of each group of convolutions
  std::array<Value, 5> pooled;       ///< the same where there is no pool
  std::array<op::MaxPool, 5> pools;  ///< how it was pooled
  Value top() const { return pooled[4]; }
};

VggMaps vgg16(const Scope& scope, Value image, const VggOptions& options = {});

/// fc6 and fc7 as convolutions: kernel x kernel to `out`, ReLU, dropout, 1x1 to `out`, ReLU, dropout.
/// Parameters `classifier.0` and `classifier.3`, torchvision's linear layers (a [4096, 25088] matrix is a 7x7
/// convolution of 512 channels).
struct FullyConnectedOptions {
  int64_t kernel = 7;
  int64_t dilation = 1;
  bool padded = false;  ///< keeps the map's size
  int64_t out = 4096;
};
Value fully_connected(const Scope& scope, Value x, const FullyConnectedOptions& options);

}  // namespace vitrail
