#pragma once
// The Pixel Voting Decoder's masks for instances (predict/voted_masks.h) as part of a graph: seeds where the
// boxes lie, votes, and the finest map over the picture. Private to what end_to_end.h exports.

#include <map>
#include <string>

#include "vitrail/graph/model.h"
#include "vitrail/predict/end_to_end/proposals.h"

namespace vitrail {

struct SeededObjects {
  const std::map<std::string, Value>& said;  ///< the trunk's outputs by name
  Value scores;                              ///< [D + 1, m, m] of each object's class in its crop
  BoxColumns spare;                          ///< [D + 1], a box behind those of the objects
  BoxColumns found;                          ///< [D]
};

/// u8 [D, H, W] for a picture of these sides.
Value voted_masks(const Expressions& e, const Model& model, const SeededObjects& objects,
                  const PictureSides& sides);

}  // namespace vitrail
