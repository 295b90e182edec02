#pragma once
// From boxes and scores to the detections that are kept. Greedy suppression: best score first (the first of
// equals), a box is dropped when its IoU with a kept one is greater than the threshold (SPEC 15.11).
//
//   std::vector<int64_t> kept = suppress(boxes, scores, 0.5);
//
//   // one image of SSD: codes [A,4], scores [A,C] without the background
//   std::vector<Detection> found = choose_boxes(codes, scores, anchors, coding, selection, {640, 640});

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box_coding.h"

namespace vitrail {

/// Indices of the `count` largest scores, largest first, the first of equals; all where there are fewer.
std::vector<int64_t> best_of(std::span<const float> scores, int64_t count);

/// Indices of the kept boxes, best first; at most `most`, 0 = all. Boxes and scores must be finite, else
/// Error(numeric).
std::vector<int64_t> suppress(std::span<const Box> boxes, std::span<const float> scores, double iou_threshold,
                              int64_t most = 0);
/// The same within each group (class, image or level) alone. `most` counts all groups together.
std::vector<int64_t> suppress_by_group(std::span<const Box> boxes, std::span<const float> scores,
                                       std::span<const int64_t> groups, double iou_threshold,
                                       int64_t most = 0);

/// Logits [..., C + 1] to probabilities [..., C] without column 0, the background: a softmax over the
/// columns, or a sigmoid of each.
Tensor class_scores(const Tensor& logits, bool softmax);

/// Class after class: boxes that score above the threshold, the best `before_suppression` of them,
/// suppression, the best `per_class`; then the best `total` of all classes. Ordered by score, equal ones by
/// class, then by index. `scores` are [A, classes]; `boxes` are [A], or [A, classes] where every class has a
/// box of its own. Boxes without area, or with a side shorter than `least_side`, are left out. `source` of a
/// detection is its row.
std::vector<Detection> choose(std::span<const Box> boxes, std::span<const float> scores, int64_t classes,
                              const BoxSelection& selection, double least_side = 0);

/// Decoded, clipped to the image, chosen. `codes` are [A,4], or [A,C,4] for boxes of every class; `scores`
/// are [A,C].
std::vector<Detection> choose_boxes(const Tensor& codes, const Tensor& scores, std::span<const Box> anchors,
                                    const BoxCoding& coding, const BoxSelection& selection, Extent image,
                                    double least_side = 0);

/// One level of a region proposal network: objectness logits [A] and codes [A,4].
struct ProposalLevel {
  std::span<const float> objectness;
  std::span<const float> codes;
  std::span<const Box> anchors;
};
/// Proposals of one image: of every level the best `before_suppression`, clipped, those of at least the
/// threshold and `least_side`, suppressed within the level, the best `per_class` (0 = all); then the best
/// `total` of all levels. Scores are sigmoids; `source` counts over the levels' anchors together.
std::vector<Detection> choose_proposals(const std::vector<ProposalLevel>& levels, const BoxCoding& coding,
                                        const BoxSelection& selection, Extent image, double least_side = 0);

}  // namespace vitrail
