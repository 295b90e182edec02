#pragma once
// Where each output row (or column) of a Resize takes its values from.

#include <array>
#include <vector>

#include "vitrail/graph/op.h"

namespace vitrail::engine_detail {

/// The input positions and weights of one output position; the first `taps` entries count.
struct Taps {
  std::array<int64_t, 4> from{};
  std::array<float, 4> weight{};
};

struct AxisTaps {
  int64_t taps = 1;           ///< 1 nearest, 2 linear, 4 cubic
  std::vector<Taps> outputs;  ///< by output position
};

/// The same for a whole row at once: `from` and `weight` hold `taps` rows of `stride` values, one per output.
struct RowTaps {
  int64_t taps = 1, stride = 0;
  std::vector<int32_t> from;
  std::vector<float> weight;
};
RowTaps row_taps(const AxisTaps& taps, int64_t stride);

/// One input row (`in` pixels of `channels` values) as `channels` planes of `taps.stride` resampled values.
/// `plane` is room for `in` values.
void resample_to_planes(const RowTaps& taps, const float* from, int64_t in, int64_t channels, float* plane,
                        float* to);

/// `axis` 0 is vertical, 1 horizontal (graph/resize_positions.h). Not for antialias, which has more taps.
AxisTaps axis_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out);

}  // namespace vitrail::engine_detail
