#pragma once
// Small masks spread over a picture, as part of a graph. A bilinear sample is a weighted sum of rows of
// weighted sums of columns, so two products of matrices make all of them, for a picture of any size:
//
//   picture = down [n, H, h] x values [n, h, w] x across [n, w, W]
//
// where each row of `down` and each column of `across` has at most two weights. Private to what end_to_end.h
// exports.
//
//   const Spread across = spread(e, centres(e, width), boxes.x1, boxes.x2, 28);     // down the same
//   const Value set = pasted_masks(e, values, down, across, {.threshold = 0.5});      // u8 [n, H, W]

#include "vitrail/detect/paste.h"
#include "vitrail/predict/end_to_end/boxes.h"

namespace vitrail {

/// Along one direction, for each of n objects and P points: where the point lies in the object's values, 0 at
/// the centre of the first (f32); and whether it is seen at all (boolean). [n, P]
struct Spread {
  Value position, seen;
};

/// Of the pixels of a side (i64 [1]): 0.5, 1.5, 2.5 ..., f32.
Value centres(const Expressions& e, Value side);

/// `values` values that are spread over [from, to) (f32 [n]) at the points `at` (f32 [P]); seen are the
/// points between.
Spread spread(const Expressions& e, Value at, Value from, Value to, int64_t values);
/// The same as torchvision pastes (PasteOptions::torchvision): the box with its frame, in whole pixels.
Spread spread_in_whole_pixels(const Expressions& e, Value at, Value from, Value to, int64_t values);

/// Which points lie in [from, to): bool [n, P].
Value between(const Expressions& e, Value at, Value from, Value to);

/// The samples [n, P of down, P of across] of `values` [n, h, w], 0 where a point is not seen. Beyond the
/// outermost values they fade to 0, or go on as they end.
Value pasted(const Expressions& e, Value values, const Spread& down, const Spread& across, bool fades);

/// 1 where a point is seen and its value is at least the threshold: u8 [n, P of down, P of across].
Value mask_of(const Expressions& e, Value values, Value seen_down, Value seen_across,
              const PasteOptions& options);
/// mask_of() what pasted() gives.
Value pasted_masks(const Expressions& e, Value values, const Spread& down, const Spread& across,
                   const PasteOptions& options);

}  // namespace vitrail
