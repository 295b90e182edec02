#include "vitrail/predict/rcnn_parts.h"

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/nms.h"

namespace vitrail {

std::vector<std::string> rcnn_trunk_outputs(const RcnnSystem& system, bool masks) {
  std::vector<std::string> names;
  for (const int64_t stride : system.proposal_strides)
    names.insert(names.end(), {cat("objectness_", stride), cat("rpn_codes_", stride)});
  for (const int64_t stride : system.strides)
    names.push_back(cat("features_", stride));
  if (masks)
    for (const VotingUnit& unit : system.voting_units)
      names.insert(names.end(), {"votes_" + unit.name, "evidence_" + unit.name});
  return names;
}

std::string voting_output(const std::string& input) {
  const size_t dot = input.find_last_of('.');
  return cat(input.substr(dot + 1), "_", input.substr(0, dot));
}

std::vector<Box> rcnn_anchors(const RcnnSystem& system, Extent input) {
  std::vector<Extent> maps;
  for (const int64_t stride : system.proposal_strides)
    maps.push_back({ceil_div(input.height, stride), ceil_div(input.width, stride)});
  return anchors_of(system.anchors, maps, input);
}

std::vector<Box> rcnn_proposals(const RpnRows& rows, std::span<const Box> anchors, const RcnnSystem& system,
                                const BoxSelection& selection, Extent picture) {
  std::vector<ProposalLevel> levels;
  size_t first = 0;
  for (size_t i = 0; i < rows.objectness.size(); ++i) {
    const size_t count = rows.objectness[i].size();
    if (first + count > anchors.size())
      throw Error(ErrorKind::shape, {.where = "proposals",
                                     .found = cat("more rows of objectness than anchors"),
                                     .allowed = cat(anchors.size())});
    levels.push_back({rows.objectness[i], rows.codes[i], anchors.subspan(first, count)});
    first += count;
  }
  std::vector<Box> boxes;
  for (const Detection& proposal :
       choose_proposals(levels, system.rpn_coding, selection, picture, system.smallest_proposal))
    boxes.push_back(proposal.box);
  return boxes;
}

}  // namespace vitrail
