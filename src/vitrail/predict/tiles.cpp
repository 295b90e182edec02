#include "vitrail/predict/tiles.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

/// How much a pixel counts whose centre lies `distance` pixels inside a tile's cut edge.
double fade(double distance, int64_t overlap) {
  const double t = std::clamp(2 * distance / static_cast<double>(overlap) - 0.5, 0.0, 1.0);
  const double s = std::sin(t * std::numbers::pi / 2);
  return s * s;
}

void set_weights(std::vector<TileSpan>& spans, int64_t length, int64_t overlap) {
  std::vector<double> total(static_cast<size_t>(length), 0.0);
  const auto weight = [&](const TileSpan& span, int64_t i) {
    const double from_start = span.start == 0 ? 1 : fade(static_cast<double>(i) + 0.5, overlap);
    const bool last = span.start + span.length == length;
    return from_start * (last ? 1 : fade(static_cast<double>(span.length - i) - 0.5, overlap));
  };
  for (const TileSpan& span : spans)
    for (int64_t i = 0; i < span.length; ++i)
      total[static_cast<size_t>(span.start + i)] += weight(span, i);
  for (TileSpan& span : spans)
    for (int64_t i = 0; i < span.length; ++i)
      span.weights.push_back(
          static_cast<float>(weight(span, i) / total[static_cast<size_t>(span.start + i)]));
}

}  // namespace

std::vector<TileSpan> tile_spans(int64_t length, int64_t tile, int64_t overlap, int64_t multiple) {
  if (length < 1 || overlap < 0 || multiple < 1 || tile % multiple != 0 || tile < 2 * overlap + multiple)
    throw Error(ErrorKind::usage, {.where = "tiles",
                                   .found = cat("tiles of ", tile, " pixels with an overlap of ", overlap),
                                   .allowed = cat("the side is a multiple of ", multiple, " and at least ",
                                                  round_up(2 * overlap + multiple, multiple)),
                                   .next = "Use larger tiles (--tile) or less overlap (--overlap)"});
  const int64_t step = (tile - overlap) / multiple * multiple;
  std::vector<TileSpan> spans{{.start = 0, .length = std::min(tile, length)}};
  while (spans.back().start + spans.back().length < length) {
    const int64_t start = std::min(spans.back().start + step, round_up(length - tile, multiple));
    spans.push_back({.start = start, .length = std::min(tile, length - start)});
  }
  set_weights(spans, length, overlap);
  return spans;
}

}  // namespace vitrail
