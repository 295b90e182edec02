#pragma once
// Mask R-CNN from its trunk to its proposals, for prediction and training alike.
//
//   const Graph trunk = part_of(model.graph, rcnn_trunk_outputs(system, true));
//   const std::vector<Box> anchors = rcnn_anchors(system, {800, 1088});
//   const std::vector<Box> proposals = rcnn_proposals(said, anchors, system, system.proposals, {800, 1067});

#include <span>
#include <string>
#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// objectness_s and rpn_codes_s of each proposal stride, then features_s of each crop stride, then, with
/// `masks`, votes_U and evidence_U of each voting unit.
std::vector<std::string> rcnn_trunk_outputs(const RcnnSystem& system, bool masks);

/// The trunk's output that the votes' part reads as `input`: "votes_stage3" for "stage3.votes".
std::string voting_output(const std::string& input);

/// Of a network's input of this size, level after level: the order of the trunk's rows.
std::vector<Box> rcnn_anchors(const RcnnSystem& system, Extent input);

/// What the trunk says about one picture: rows of objectness_s and rpn_codes_s of each proposal stride.
struct RpnRows {
  std::vector<std::span<const float>> objectness, codes;
};
/// Best first. `picture` is the part of the input that is no padding.
std::vector<Box> rcnn_proposals(const RpnRows& rows, std::span<const Box> anchors, const RcnnSystem& system,
                                const BoxSelection& selection, Extent picture);

}  // namespace vitrail
