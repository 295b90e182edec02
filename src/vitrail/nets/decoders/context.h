#pragma once
// The context module (Yu & Koltun 2016; SPEC 4): dilated 3x3 convolutions over class scores, whose view grows
// exponentially while the map keeps its size. It starts as the identity.
//
//   Value scores = context_module(net / "context", scores);                                     // basic
//   Value scores = context_module(net / "context", scores, {.multipliers = large_context()});  // large

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

struct ContextOptions {
  std::vector<int64_t> dilations{1, 1, 2, 4, 8, 16, 1};
  /// Channels of each layer as a multiple of the classes; empty: 1 for all (basic).
  std::vector<int64_t> multipliers;
  /// false: the first layer is padded by the sum of the dilations and the others not at all (the released VOC
  /// network).
  bool padded = true;
  /// Noise beside the identity, divided by a layer's multiplier; the large module needs some, or its channels
  /// stay equal.
  double noise = 0;
};

std::vector<int64_t> large_context();  ///< 2, 2, 4, 8, 16, 32, 32

/// [N, C, h, w] -> the same. Parameters `conv1.weight` ... `conv7.bias`, `final.weight`.
Value context_module(const Scope& scope, Value scores, const ContextOptions& options = {});

}  // namespace vitrail
