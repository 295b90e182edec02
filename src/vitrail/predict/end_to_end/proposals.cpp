#include "vitrail/predict/end_to_end/proposals.h"

namespace vitrail {
namespace {

/// Logits that are never kept, and what all others are above.
constexpr double never = -3e38, least_logit = -1e38;

/// The anchors of one level by their numbers: cells in raster order, a cell's anchors innermost.
class LevelAnchors {
 public:
  LevelAnchors(const Expressions& e, const RcnnSystem& system, size_t level, const Sides& input)
      : e_(e),
        system_(system.anchors),
        level_(system.anchors.levels.at(level)),
        stride_(system.proposal_strides.at(level)),
        input_(input) {}

  CentredColumns of(Value numbers) const {
    const Value each = e_.integers({std::ssize(level_.sizes)});
    const Value shape = e_.remainder(numbers, each), cell = e_.divide(numbers, each);
    const Value width = cells(input_.width);
    return {centre(e_.divide(cell, width), input_.height), centre(e_.remainder(cell, width), input_.width),
            sizes(0, shape), sizes(1, shape)};
  }

 private:
  Value cells(Value side) const {
    return e_.divide(e_.add(side, e_.integer(stride_ - 1)), e_.integer(stride_));
  }

  Value centre(Value cell, Value side) const {
    const Value at = e_.add(e_.cast(cell, DataType::f32), e_.number(system_.offset));
    if (level_.step > 0) return e_.multiply(at, e_.number(level_.step));
    if (system_.whole_steps) return e_.multiply(at, e_.cast(e_.divide(side, cells(side)), DataType::f32));
    return e_.multiply(at, e_.divide(e_.cast(side, DataType::f32), e_.cast(cells(side), DataType::f32)));
  }

  Value sizes(size_t direction, Value shape) const {
    std::vector<float> table;
    for (const auto& size : level_.sizes)
      table.push_back(static_cast<float>(size[direction]));
    const Value found = e_.rows(e_.numbers({std::ssize(table)}, table), shape);
    if (!system_.relative_sizes) return found;
    return e_.multiply(found, e_.cast(e_.smaller(input_.height, input_.width), DataType::f32));
  }

  const Expressions& e_;
  const AnchorSystem& system_;
  const AnchorLevel& level_;
  int64_t stride_;
  Sides input_;
};

struct Proposed {
  Value boxes, logits;  ///< [n, 4], [n]
};

Proposed proposed(const Expressions& e, const ProposalRows& rows, const LevelAnchors& anchors,
                  const RcnnSystem& system, const Sides& picture) {
  const BoxSelection& selection = system.proposals;
  const Value logits = e.reshape(rows.objectness, {-1});
  Value entering = e.size(rows.objectness, 1);
  if (selection.before_suppression > 0)
    entering = e.smaller(entering, e.integers({selection.before_suppression}));
  const Value best = e.top_indices(logits, entering), said = e.rows(logits, best);
  const BoxColumns boxes =
      clipped(e,
              decoded(e, e.rows(e.reshape(rows.codes, {-1, 4}), best), 1,
                      unsqueezed(e, anchors.of(best), {1}), system.rpn_coding),
              e.cast(picture.width, DataType::f32), e.cast(picture.height, DataType::f32));
  Value real = e.reshape(large_enough(e, boxes, system.smallest_proposal), {-1});
  if (selection.score_threshold > 0)
    real = e.both(real, e.greater_or_equal(e.sigmoid(said), e.number(selection.score_threshold)));
  // Suppression by logits: sigmoids of large ones are equal.
  const Value kept = kept_rows(e, suppression_boxes(e, boxes, 1), e.where(real, said, e.number(never)),
                               selection, least_logit);
  return {e.rows(corners(e, boxes, 1), kept), e.rows(said, kept)};
}

}  // namespace

WholeProposals whole_proposals(const Expressions& e, const std::vector<ProposalRows>& levels,
                               const RcnnSystem& system, const PictureSides& sides) {
  std::vector<Value> boxes, logits;
  for (size_t i = 0; i < levels.size(); ++i) {
    const LevelAnchors anchors(e, system, i, sides.input);
    const Proposed some = proposed(e, levels[i], anchors, system, sides.picture);
    boxes.push_back(some.boxes);
    logits.push_back(some.logits);
  }
  const Value scores = e.sigmoid(e.concat(logits, 0));
  const Value count = at_most(e, scores, system.proposals.total);
  return {columns_of(e, e.rows(e.concat(boxes, 0), e.top_indices(scores, count))), count};
}

}  // namespace vitrail
