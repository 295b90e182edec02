#pragma once
// Which anchors of an image count in its loss: there are thousands of easy background anchors for every
// object.
//
//   Sampled chosen = hard_negatives(losses, match);                             // SSD of Caffe, torchvision
//   Sampled chosen = mined_by_suppression(losses, decoded_boxes, match, {});    // SSD of TensorFlow
//   Sampled chosen = balanced_sample(match, 256, 0.5, random);                  // region proposals
//
// `match` is what matching.h gives; anchors that are `ignored` are never chosen. Numbers that make no sense
// (a share over 1, a negative ratio) throw Error(usage).

#include "vitrail/base/random.h"
#include "vitrail/detect/matching.h"

namespace vitrail {

/// Indices of anchors.
struct Sampled {
  std::vector<int64_t> objects;    ///< matched anchors, in ascending order
  std::vector<int64_t> negatives;  ///< background anchors, in the order in which they were chosen
};

/// All matched anchors, and the floor(ratio * matched) background anchors of largest loss (the first of
/// equals), at least `least`. `losses` are the classification losses, one per anchor.
Sampled hard_negatives(std::span<const float> losses, std::span<const int64_t> match, double ratio = 3,
                       int64_t least = 0);

/// TensorFlow's (SPEC 11.2): greedy suppression over the decoded boxes with the losses as scores; of its
/// choice all matched anchors, and the first floor(ratio * matched) background ones, at least `least`.
struct SuppressionMining {
  double iou_threshold = 0.99;
  int64_t most = 3000;  ///< anchors that suppression chooses
  double ratio = 3;
  int64_t least = 0;
};
Sampled mined_by_suppression(std::span<const float> losses, std::span<const Box> boxes,
                             std::span<const int64_t> match, const SuppressionMining& options);

/// `count` anchors by chance, at most `object_share` of them matched ones; where those are fewer, background
/// fills up.
Sampled balanced_sample(std::span<const int64_t> match, int64_t count, double object_share, Random& random);

}  // namespace vitrail
