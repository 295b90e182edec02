#pragma once
// Where RoiAlign reads: the bilinear samples of a box along one direction, bin after bin.
//
//   op::RoiAlign op{.height = 2, .width = 2};                // aligned, as many samples as a bin has pixels
//   RoiSamples rows = roi_samples(op, 1, 5, op.height, 8);   // y from 1 to 5 on a map of 8 rows
//   // rows.per_bin == 2; the first bin's samples lie at 1.0 and 2.0
//
// A bin of a box is the mean (or the maximum) over all pairs of its rows' and its columns' samples.

#include <cstdint>
#include <vector>

#include "vitrail/graph/op.h"

namespace vitrail {

/// Between pixel `low` and pixel `high`, which has the share `part`. Outside: the sample is 0 (its pixels are
/// 0 and 0).
struct RoiSample {
  int64_t low = 0, high = 0;
  double part = 0;
  bool outside = false;
};

struct RoiSamples {
  int64_t per_bin = 0;             ///< 0 for an aligned box of no size: its bins are 0
  std::vector<RoiSample> samples;  ///< bins * per_bin
};

/// The box from `from` to `to` in pixels of the image, on a map of `size` pixels. Throws Error(limit) for a
/// box that is not finite, or has over 1024 samples per bin.
RoiSamples roi_samples(const op::RoiAlign& op, double from, double to, int64_t bins, int64_t size);

}  // namespace vitrail
