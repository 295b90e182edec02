#include "vitrail/graph/roi_samples.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr double most_per_bin = 1024;

RoiSample sample_at(double at, int64_t size) {
  if (!(at >= -1) || at > static_cast<double>(size)) return {.outside = true};
  at = std::max(at, 0.0);
  const auto low = static_cast<int64_t>(at);
  if (low >= size - 1) return {.low = size - 1, .high = size - 1};
  return {.low = low, .high = low + 1, .part = at - static_cast<double>(low)};
}

}  // namespace

RoiSamples roi_samples(const op::RoiAlign& op, double from, double to, int64_t bins, int64_t size) {
  const double offset = op.aligned ? 0.5 : 0.0;
  const double start = from * op.spatial_scale - offset;
  double extent = to * op.spatial_scale - offset - start;
  if (!op.aligned) extent = std::max(extent, 1.0);
  const double bin = extent / static_cast<double>(bins);
  const double wanted = op.sampling_ratio > 0 ? static_cast<double>(op.sampling_ratio) : std::ceil(bin);
  if (!(wanted <= most_per_bin) || !std::isfinite(start))
    throw Error(ErrorKind::limit,
                {.where = "RoiAlign",
                 .found = cat("a box from ", from, " to ", to, " with ", wanted, " samples per bin"),
                 .allowed = cat("finite, at most ", most_per_bin),
                 .next = "Clip boxes to the image"});
  RoiSamples result{static_cast<int64_t>(std::max(wanted, 0.0)), {}};
  for (int64_t b = 0; b < bins; ++b)
    for (int64_t i = 0; i < result.per_bin; ++i)
      result.samples.push_back(
          sample_at(start + bin * (static_cast<double>(b) +
                                   (static_cast<double>(i) + 0.5) / static_cast<double>(result.per_bin)),
                    size));
  return result;
}

}  // namespace vitrail
