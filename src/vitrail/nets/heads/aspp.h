#pragma once
// DeepLab's atrous spatial pyramid pooling: the same map seen at several dilation rates (SPEC 6).
//
//   v2 (Chen et al. 2016):  scores = sum over rates r of conv3x3(x, dilation r)              aspp_v2
//   v3 (Chen et al. 2017):  [1x1, 3x3 at each rate, image mean] -> concatenate -> 1x1        aspp_v3, then a
//   head
//
//   Value scores = deeplabv3_head(net / "classifier", c4, 21, {.rates = {12, 24, 36}});

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

/// Sum of 3x3 convolutions to the classes, `c0` ... `c3`, with bias; they start from N(0, .01^2).
Value aspp_v2(const Scope& scope, Value x, int64_t classes,
              const std::vector<int64_t>& rates = {6, 12, 18, 24});

struct AsppOptions {
  std::vector<int64_t> rates{12, 24, 36};  ///< for output stride 8; 6, 12, 18 for 16
  double dropout = 0.5;                    ///< after the projection
  bool dropout_per_channel = false;
  bool extra_conv = true;   ///< a 3x3 before the scores (torchvision, Encoding); the paper has none
  double last_dropout = 0;  ///< before the scores, where there is an extra convolution (FastFCN: .1)
};

/// [N, C, h, w] -> [N, C/8, h, w]. Parameters as torchvision's ASPP: `convs.0.0.weight` (1x1),
/// `convs.1.0.weight` ..., `convs.4.1.weight` (image level), `project.0.weight`.
Value aspp_v3(const Scope& scope, Value x, const AsppOptions& options);

/// ASPP `0`, the extra convolution `1` with its normalisation `2`, scores `4` (as torchvision; `1` without
/// it).
Value deeplabv3_head(const Scope& scope, Value x, int64_t classes, const AsppOptions& options = {});

}  // namespace vitrail
