#pragma once
// The feature pyramid of Lin et al. 2017 as detectors use it (SPEC 10.1): maps of equal depth at every
// stride, each made of its encoder's map and everything coarser.
//
//   std::vector<Value> p = feature_pyramid_network(net / "backbone" / "fpn", {c2, c3, c4, c5}, 256);   // p2
//   ... p5 p.push_back(coarser(net / "backbone" / "fpn" / "pool", p.back())); // p6

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

/// `maps` finest first, each half as large as the one before. Result: the same sizes, `channels` deep.
/// Parameters have the names of torchvision's published files: `inner_blocks.0.weight` (1x1) and
/// `layer_blocks.0.weight` (3x3) for the finest, and so on, each with a bias.
std::vector<Value> feature_pyramid_network(const Scope& scope, const std::vector<Value>& maps,
                                           int64_t channels);

/// Every second pixel of every second row.
Value coarser(const Scope& scope, Value map);

}  // namespace vitrail
