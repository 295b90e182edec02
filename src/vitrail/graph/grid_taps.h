#pragma once
// Where GridSample reads along one direction: the pixels around a position, and their weights.
//
//   op::GridSample op{};                     // linear, zeros beyond the border
//   GridTaps taps = grid_taps(op, -0.5, 4);  // ((-0.5 + 1) * 4 - 1) / 2 = 0.5 of 4 pixels:
//   // taps.count == 2, taps.from == {0, 1}, taps.weight == {0.5, 0.5}
//
// A sample is the sum over all pairs of its row's and its column's taps.

#include <array>
#include <cstdint>

#include "vitrail/graph/op.h"

namespace vitrail {

/// The first `count` entries count. Positions lie within the input; one that reads zero beyond the border has
/// weight 0.
struct GridTaps {
  int64_t count = 1;  ///< 1 nearest, 2 linear, 4 cubic
  std::array<int64_t, 4> from{};
  std::array<double, 4> weight{};
};

/// `at` as the grid has it (-1..1 from border to border) over `size` pixels, of which there is at least one.
/// What is not a number lies before the first pixel.
GridTaps grid_taps(const op::GridSample& op, double at, int64_t size);

}  // namespace vitrail
