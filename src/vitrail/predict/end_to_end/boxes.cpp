#include "vitrail/predict/end_to_end/boxes.h"

#include <array>
#include <limits>

namespace vitrail {
namespace {

/// Below every score and logit.
constexpr double lowest = -3e38;

/// The side of a box along one direction from its code: {begin, end}.
std::array<Value, 2> decoded_axis(const Expressions& e, Value centre_code, Value size_code, Value middle,
                                  Value size, double centre_scale, double size_scale, double largest_log) {
  const Value centre = e.add(e.multiply(centre_code, e.multiply(size, e.number(1 / centre_scale))), middle);
  const Value log = e.smaller(e.multiply(size_code, e.number(1 / size_scale)), e.number(largest_log));
  const Value half = e.multiply(e.exp(log), e.multiply(size, e.number(0.5)));
  return {e.subtract(centre, half), e.add(centre, half)};
}

/// NonMaxSuppression's i64 [S, 3] of (image, class, row).
Value suppressed(const Expressions& e, Value boxes, Value scores, const BoxSelection& selection,
                 double least_score) {
  const int64_t per_class =
      selection.per_class > 0 ? selection.per_class : std::numeric_limits<int32_t>::max();
  return e.graph().add(op::NonMaxSuppression{}, {boxes, scores, e.integer(per_class),
                                                 e.number(selection.iou_threshold), e.number(least_score)});
}

Value column(const Expressions& e, Value table, int64_t i) {
  return e.reshape(e.part(table, 1, i, i + 1), {-1});
}

}  // namespace

BoxColumns columns_of(const Expressions& e, Value boxes) {
  return {column(e, boxes, 0), column(e, boxes, 1), column(e, boxes, 2), column(e, boxes, 3)};
}

Value stacked(const Expressions& e, const BoxColumns& c) {
  return e.concat(
      {e.unsqueeze(c.x1, {1}), e.unsqueeze(c.y1, {1}), e.unsqueeze(c.x2, {1}), e.unsqueeze(c.y2, {1})}, 1);
}

BoxColumns some_of(const Expressions& e, const BoxColumns& all, Value indices) {
  return {e.rows(all.x1, indices), e.rows(all.y1, indices), e.rows(all.x2, indices), e.rows(all.y2, indices)};
}

CentredColumns centred(const Expressions& e, const BoxColumns& b) {
  const auto middle = [&](Value low, Value high) { return e.multiply(e.add(low, high), e.number(0.5)); };
  return {middle(b.y1, b.y2), middle(b.x1, b.x2), e.subtract(b.y2, b.y1), e.subtract(b.x2, b.x1)};
}

CentredColumns unsqueezed(const Expressions& e, const CentredColumns& b, const std::vector<int64_t>& axes) {
  return {e.unsqueeze(b.y, axes), e.unsqueeze(b.x, axes), e.unsqueeze(b.height, axes),
          e.unsqueeze(b.width, axes)};
}

BoxColumns decoded(const Expressions& e, Value codes, int64_t axis, const CentredColumns& anchors,
                   const BoxCoding& coding) {
  const auto code = [&](int64_t i) { return e.part(codes, axis, i, i + 1); };
  const auto along = [&](int64_t at, Value middle, Value size) {
    return decoded_axis(e, code(at), code(2 + at), middle, size, coding.scales[static_cast<size_t>(at)],
                        coding.scales[static_cast<size_t>(2 + at)], coding.largest_log);
  };
  const int64_t y = coding.y_first ? 0 : 1;
  const auto [y1, y2] = along(y, anchors.y, anchors.height);
  const auto [x1, x2] = along(1 - y, anchors.x, anchors.width);
  return {x1, y1, x2, y2};
}

BoxColumns clipped(const Expressions& e, const BoxColumns& b, Value width, Value height) {
  const auto inside = [&](Value at, Value side) { return e.smaller(e.larger(at, e.number(0)), side); };
  return {inside(b.x1, width), inside(b.y1, height), inside(b.x2, width), inside(b.y2, height)};
}

Value large_enough(const Expressions& e, const BoxColumns& b, double least) {
  const Value side = e.smaller(e.subtract(b.x2, b.x1), e.subtract(b.y2, b.y1));
  const Value real = e.greater(side, e.number(0));
  return least > 0 ? e.both(real, e.greater_or_equal(side, e.number(least))) : real;
}

Value suppression_boxes(const Expressions& e, const BoxColumns& b, int64_t axis) {
  return e.concat({b.y1, b.x1, b.y2, b.x2}, axis);
}

Value corners(const Expressions& e, const BoxColumns& b, int64_t axis) {
  return e.concat({b.x1, b.y1, b.x2, b.y2}, axis);
}

Value best_rows(const Expressions& e, Value scores, int64_t most, Value rows) {
  if (most <= 0) return scores;
  const Value best = e.graph().add(op::TopK{.part = op::TopK::Part::values, .axis = 2},
                                   {scores, e.smaller(e.integers({most}), rows)});
  const Value last = e.part(best, 2, -1, std::numeric_limits<int32_t>::max());
  return e.where(e.less(scores, last), e.number(-1), scores);
}

Chosen chosen(const Expressions& e, Value boxes, Value scores, Value rows, const BoxSelection& selection,
              double least_score, int64_t total) {
  const Value kept = suppressed(e, boxes, scores, selection, least_score);
  const Value group = e.add(column(e, kept, 0), column(e, kept, 1)), row = column(e, kept, 2);
  const Value score = e.rows(e.reshape(scores, {-1}), e.add(e.multiply(group, rows), row));
  const Value count = at_most(e, score, total), best = e.top_indices(score, count);
  return {e.rows(group, best), e.rows(row, best), e.rows(score, best), count};
}

Value kept_rows(const Expressions& e, Value boxes, Value scores, const BoxSelection& selection,
                double least_score) {
  return column(
      e, suppressed(e, e.unsqueeze(boxes, {0}), e.unsqueeze(scores, {0, 1}), selection, least_score), 2);
}

Value at_most(const Expressions& e, Value scores, int64_t total) {
  // All of them, as far as the scores tell: so nothing takes their number for known before they are.
  const Value all = e.count(e.greater(scores, e.number(lowest)));
  return total > 0 ? e.smaller(all, e.integers({total})) : all;
}

}  // namespace vitrail
