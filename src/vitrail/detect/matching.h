#pragma once
// Which anchor answers for which object in training. Every function gives one number per anchor (or
// proposal): the index of its object, `background`, or `ignored` (no loss).
//
//   std::vector<int64_t> match = match_best(anchors, objects);              // SSD of TensorFlow
//   std::vector<int64_t> match = match_bipartite(anchors, objects);         // SSD of Caffe
//   std::vector<int64_t> match = match_thresholds(anchors, objects, {});    // region proposals
//
// An object that overlaps no anchor gets none. Without objects everything is background. Boxes that are not
// finite throw Error(numeric).

#include "vitrail/detect/box.h"

namespace vitrail {

inline constexpr int64_t background = -1;
inline constexpr int64_t ignored = -2;

/// TensorFlow's SSD (SPEC 11.2): each anchor takes the object it overlaps most (the first of equals) if the
/// IoU is at least `threshold`; then each object takes the anchor that it overlaps most (the first of equals)
/// by force, and of several objects that want one anchor the first wins and the others go without.
/// `last_wins`: of several objects the last wins, torchvision's SSD.
std::vector<int64_t> match_best(std::span<const Box> anchors, std::span<const Box> objects,
                                double threshold = 0.5, bool last_wins = false);

/// Caffe's SSD (SPEC 11.1): the pair of largest IoU (the first anchor of equals, then the first object) is
/// matched and both leave, until every object has an anchor; then each anchor left over takes the object it
/// overlaps most if the IoU is at least `threshold`.
std::vector<int64_t> match_bipartite(std::span<const Box> anchors, std::span<const Box> objects,
                                     double threshold = 0.5);

/// Region proposals (SPEC 10.1): the object of largest IoU (the first of equals) from `foreground` on,
/// background below `background`, ignored between. With `force_best`, every anchor whose IoU with some object
/// is that object's largest (all of equals) is matched, to the object that the anchor itself overlaps most.
/// For the second stage: {.foreground = 0.5, .background = 0.5, .force_best = false}.
struct MatchThresholds {
  double foreground = 0.7;
  double background = 0.3;
  bool force_best = true;
};
std::vector<int64_t> match_thresholds(std::span<const Box> anchors, std::span<const Box> objects,
                                      const MatchThresholds& thresholds);

/// IoU of every object (row) with every anchor (column).
std::vector<float> iou_table(std::span<const Box> objects, std::span<const Box> anchors);

}  // namespace vitrail
