#pragma once
// FastFCN's joint pyramid upsampling (Wu et al. 2019; SPEC 7.2): from the last three maps of an undilated
// encoder one of stride 8 that stands in for a dilated encoder's last, at a third of the cost.
//
//   Value map = jpu(net / "jpu", {maps.stage(2), maps.stage(3), maps.stage(4)});   // [N, 2048, H/8, W/8]

#include <array>

#include "vitrail/nets/scope.h"

namespace vitrail {

struct JpuOptions {
  int64_t width = 0;  ///< channels of every branch; 0 = a quarter of the coarsest map's (512 for ResNet-50)
  std::array<int64_t, 4> rates{1, 2, 4, 8};  ///< of the separable convolutions
};

/// maps: strides 8, 16, 32. Result: [N, 4 width, H/8, W/8]. Parameters `conv3.0.weight` ... `conv5.1.*`,
/// `dilation1.0.conv1.weight` (depthwise), `dilation1.0.bn.*`, `dilation1.0.pointwise.weight`,
/// `dilation1.1.*` ...
Value jpu(const Scope& scope, const std::array<Value, 3>& maps, const JpuOptions& options = {});

/// The feature pyramid that FastFCN compares with (its Table 1; its wiring was never published, this is
/// ours): 1x1 `lateral3` ... `lateral5` to a quarter of the coarsest map's channels, added from the top down.
/// Result: stride 8.
Value feature_pyramid(const Scope& scope, const std::array<Value, 3>& maps);

}  // namespace vitrail
