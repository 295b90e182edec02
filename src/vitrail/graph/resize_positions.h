#pragma once
// Where Resize reads: for each output row (or column) the input rows it is made of, and their weights.
//
//   op::Resize twice{.scales = {{2, 2}}};             // linear, half_pixel
//   ResizeTaps taps = resize_taps(twice, 0, 5, 10, 3);  // row 3 of 10 lies at (3 + 0.5) / 2 - 0.5 = 1.25:
//   // taps.from == {1, 2}, taps.weight == {0.75, 0.25}

#include <array>
#include <cstdint>
#include <vector>

#include "vitrail/graph/op.h"

namespace vitrail {

/// The input positions and weights of one output position: 1 for nearest, 2 for linear, 4 for cubic, as many
/// as there are with antialias. Positions lie within the input; beyond the border it is repeated, except
/// where tf_crop_and_resize reads 0 there: all weights are 0 then. Elsewhere they add up to 1.
struct ResizeTaps {
  std::vector<int64_t> from;
  std::vector<double> weight;
};

/// `axis` 0 is vertical, 1 horizontal; `in` and `out` are the sizes along it, `at` the output position.
ResizeTaps resize_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at);

/// The weights of four neighbouring samples for a position that lies `part` (0..1) after the second of them:
/// Keys' cubic convolution (1981).
std::array<double, 4> cubic_weights(double part, double a);

/// The input coordinate of the centre of output position `at`, in pixels; it may lie outside of the input.
double resize_position(const op::Resize& resize, size_t axis, int64_t in, int64_t out, int64_t at);

}  // namespace vitrail
