// crop_mask of paste.h: from a picture's mask to what a network should say.

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/separable.h"

namespace vitrail {
namespace {

using detect_detail::Taps;

constexpr double most_samples = 64;  // per value; more pixels than that are sampled

Taps taps_along(float from, float to, int64_t values, int64_t size) {
  const double per_value =
      (static_cast<double>(to) - static_cast<double>(from)) / static_cast<double>(values);
  const op::RoiAlign op{.sampling_ratio = per_value > most_samples ? static_cast<int64_t>(most_samples) : 0};
  return detect_detail::taps_of(
      roi_samples(op, static_cast<double>(from), static_cast<double>(to), values, size), values);
}

// body(pixel, weight) for what output position `at` is made of.
template <class Body>
void for_taps(const Taps& taps, int64_t at, const Body& body) {
  for (int64_t t = taps.first[static_cast<size_t>(at)]; t < taps.first[static_cast<size_t>(at + 1)]; ++t)
    body(taps.pixel[static_cast<size_t>(t)], taps.weight[static_cast<size_t>(t)]);
}

}  // namespace

std::vector<float> crop_mask(const Mask& mask, const Box& region, Extent grid) {
  require_finite({&region, 1}, "mask crop");
  if (grid.height < 1 || grid.width < 1)
    throw Error(ErrorKind::shape, {.where = "mask crop",
                                   .found = cat("a crop of ", grid.height, "x", grid.width),
                                   .allowed = "at least one value"});
  std::vector<float> crop(static_cast<size_t>(grid.height * grid.width), 0);
  if (mask.height == 0 || mask.width == 0) return crop;
  const Taps rows = taps_along(region.y1, region.y2, grid.height, mask.height);
  const Taps columns = taps_along(region.x1, region.x2, grid.width, mask.width);
  if (columns.pixel.empty()) return crop;
  const auto [first, last] = std::minmax_element(columns.pixel.begin(), columns.pixel.end());
  const int64_t begin = *first, end = *last + 1;
  std::vector<float> sums(static_cast<size_t>(mask.width));
  for (int64_t y = 0; y < grid.height; ++y) {
    std::fill(sums.begin() + begin, sums.begin() + end, 0.0f);
    for_taps(rows, y, [&](int64_t row, float weight) {
      const uint8_t* pixels = mask.pixels.data() + row * mask.width;
      for (int64_t x = begin; x < end; ++x)
        sums[static_cast<size_t>(x)] += weight * static_cast<float>(pixels[x]);
    });
    for (int64_t x = 0; x < grid.width; ++x)
      for_taps(columns, x, [&](int64_t column, float weight) {
        crop[static_cast<size_t>(y * grid.width + x)] += weight * sums[static_cast<size_t>(column)];
      });
  }
  return crop;
}

}  // namespace vitrail
