#pragma once
// The FCN head of PyTorch-Encoding, FastFCN and torchvision: one 3x3 convolution before the scores. It is
// also their auxiliary head, on the stage before the last.
//
//   Value scores = fcn_head(net / "classifier", c4, 21);                      // 3x3 to C_in / 4, dropout,
//   1x1 Value aux = fcn_head(net / "aux_classifier", c3, 21);

#include "vitrail/nets/scope.h"

namespace vitrail {

/// Parameters `0.weight` (3x3, no bias), `1.*` (batch normalisation), `4.{weight,bias}` (1x1), as torchvision
/// names them.
Value fcn_head(const Scope& scope, Value x, int64_t classes);

}  // namespace vitrail
