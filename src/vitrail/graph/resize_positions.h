#pragma once
// Where Resize reads: for each output row (or column) the input rows it is made of, and their weights.
//
//   op::Resize twice{.scales = {{2, 2}}};             // linear, half_pixel
//   ResizeTaps taps = resize_taps(twice, 0, 5, 10, 3);  // row 3 of 10 lies at (3 + 0.5) / 2 - 0.5 = 1.25:
//   // taps.count == 2, taps.from == {1, 2}, taps.weight == {0.75, 0.25}

#include <array>
#include <cstdint>

#include "vitrail/graph/op.h"

namespace vitrail {

/// The input positions and weights of one output position; the first `count` entries count. Positions lie
/// within the input; beyond the border it is repeated, except where tf_crop_and_resize reads 0 there: all
/// weights are 0 then. Elsewhere they add up to 1.
struct ResizeTaps {
  int64_t count = 1;  ///< 1 nearest, 2 linear, 4 cubic
  std::array<int64_t, 4> from{};
  std::array<double, 4> weight{};
};

/// `axis` 0 is vertical, 1 horizontal; `in` and `out` are the sizes along it, `at` the output position.
ResizeTaps resize_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at);

/// The input coordinate of the centre of output position `at`, in pixels; it may lie outside of the input.
double resize_position(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at);

}  // namespace vitrail
