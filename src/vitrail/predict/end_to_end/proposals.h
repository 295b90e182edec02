#pragma once
// Mask R-CNN's proposals as part of a graph (detect/nms.h, choose_proposals): of each level the best, decoded
// and suppressed, and of all levels the best. Private to what end_to_end.h exports.
//
// An anchor is computed from its number, so no picture's size is built in.

#include "vitrail/predict/end_to_end/crops.h"

namespace vitrail {

/// What the trunk says of one level: objectness_s [1, n] and rpn_codes_s [1, n, 4].
struct ProposalRows {
  Value objectness, codes;
};

/// How large the picture is, and the network's input with what is padded.
struct PictureSides {
  Sides picture, input;
};

struct WholeProposals {
  BoxColumns boxes;  ///< [n], best first
  Value count;       ///< n, i64 [1]
};
WholeProposals whole_proposals(const Expressions& e, const std::vector<ProposalRows>& levels,
                               const RcnnSystem& system, const PictureSides& sides);

}  // namespace vitrail
