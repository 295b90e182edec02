#pragma once
// Boxes as part of a graph: decoding, suppression, choice. What detect/ does with numbers, said with ONNX's
// operators. Private to what end_to_end.h exports.
//
//   const BoxColumns boxes = clipped(e, decoded(e, codes, 1, anchors, coding), width, height);   // [n, 1]
//   const Value scores = e.where(large_enough(e, boxes, 0), said, e.number(-1));
//   const Chosen best = chosen(e, suppression_boxes(e, boxes, 1), scores, rows, selection, 100);

#include "vitrail/graph/expressions.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// Boxes by column, f32, all of one shape.
struct BoxColumns {
  Value x1, y1, x2, y2;
};
/// The same as centres and sizes.
struct CentredColumns {
  Value y, x, height, width;
};

/// Of boxes [n, 4] (x1, y1, x2, y2): columns [n]; and back.
BoxColumns columns_of(const Expressions& e, Value boxes);
Value stacked(const Expressions& e, const BoxColumns& columns);
/// Those of columns [n] that `indices` name.
BoxColumns some_of(const Expressions& e, const BoxColumns& all, Value indices);
CentredColumns centred(const Expressions& e, const BoxColumns& boxes);
/// Every column with further dimensions of size 1.
CentredColumns unsqueezed(const Expressions& e, const CentredColumns& boxes,
                          const std::vector<int64_t>& axes);

/// `codes` has the four numbers of a code along `axis`, its last; the columns keep it with size 1, as
/// `anchors` do.
BoxColumns decoded(const Expressions& e, Value codes, int64_t axis, const CentredColumns& anchors,
                   const BoxCoding& coding);
/// Inside a picture of these sides (f32, one number each).
BoxColumns clipped(const Expressions& e, const BoxColumns& boxes, Value width, Value height);
/// Whether boxes have an area, and sides of at least `least`.
Value large_enough(const Expressions& e, const BoxColumns& boxes, double least);
/// (y1, x1, y2, x2) along `axis`, as NonMaxSuppression wants them; and (x1, y1, x2, y2).
Value suppression_boxes(const Expressions& e, const BoxColumns& boxes, int64_t axis);
Value corners(const Expressions& e, const BoxColumns& boxes, int64_t axis);

/// Scores [N, C, B] in which those behind the `most` best of their B are -1; 0: all stay. `rows`: B, i64 [1].
Value best_rows(const Expressions& e, Value scores, int64_t most, Value rows);

/// What suppression within groups and the choice among all leave, best first: i64 [D], i64 [D], f32 [D].
struct Chosen {
  Value group, row, score;
  Value count;  ///< D, i64 [1]
};
/// `boxes` [N, B, 4] as suppression_boxes() gives them, `scores` [N, C, B], where N or C is 1 and the other
/// counts the groups; at most `total` (0: any number) with a score above `least_score`, which is not below 0.
Chosen chosen(const Expressions& e, Value boxes, Value scores, Value rows, const BoxSelection& selection,
              double least_score, int64_t total);

/// NonMaxSuppression of one group: boxes [B, 4], scores [B]; the rows that it keeps, i64 [n].
Value kept_rows(const Expressions& e, Value boxes, Value scores, const BoxSelection& selection,
                double least_score);

/// Scores [n] to how many of them are taken where at most `total` (0: any number) may be: i64 [1].
Value at_most(const Expressions& e, Value scores, int64_t total);

}  // namespace vitrail
