#include "vitrail/predict/voted_masks.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

struct Range {
  int64_t begin, end;
};

// Cells whose centres lie between from and to, at least one.
Range cells_between(float from, float to, int64_t cells, int64_t stride) {
  const double step = static_cast<double>(stride);
  const auto at = [&](double pixel) { return (pixel - 0.5) / step; };
  Range range{static_cast<int64_t>(
                  std::clamp(std::ceil(at(static_cast<double>(from))), 0.0, static_cast<double>(cells))),
              static_cast<int64_t>(
                  std::clamp(std::ceil(at(static_cast<double>(to))), 0.0, static_cast<double>(cells)))};
  if (range.begin < range.end) return range;
  const double middle = at((static_cast<double>(from) + static_cast<double>(to)) / 2);
  const auto nearest =
      static_cast<int64_t>(std::clamp(std::round(middle), 0.0, static_cast<double>(cells - 1)));
  return {nearest, nearest + 1};
}

struct Tap {
  int64_t low, high;
  float part;
};

// Where the centre of a cell lies in a crop of `side` values over [from, to).
Tap tap_of(int64_t cell, int64_t stride, float from, float to, int64_t side) {
  const double centre = static_cast<double>(stride * cell) + 0.5;
  const double size = std::max(static_cast<double>(to) - static_cast<double>(from), 1e-6);
  const double x = std::clamp((centre - static_cast<double>(from)) / size * static_cast<double>(side) - 0.5,
                              0.0, static_cast<double>(side - 1));
  const auto low = static_cast<int64_t>(x);
  return {low, std::min(low + 1, side - 1), static_cast<float>(x - static_cast<double>(low))};
}

}  // namespace

std::vector<SeedCell> seed_cells(const Box& box, int64_t side, Extent map, int64_t stride) {
  std::vector<SeedCell> cells;
  const Range rows = cells_between(box.y1, box.y2, map.height, stride);
  const Range columns = cells_between(box.x1, box.x2, map.width, stride);
  for (int64_t y = rows.begin; y < rows.end; ++y) {
    const Tap down = tap_of(y, stride, box.y1, box.y2, side);
    for (int64_t x = columns.begin; x < columns.end; ++x) {
      const Tap across = tap_of(x, stride, box.x1, box.x2, side);
      cells.push_back({.cell = y * map.width + x,
                       .row = {down.low, down.high},
                       .column = {across.low, across.high},
                       .down = down.part,
                       .across = across.part});
    }
  }
  return cells;
}

Tensor placed_seeds(const Tensor& scores, const std::vector<Box>& boxes, Extent map, int64_t stride,
                    int64_t channels) {
  const int64_t objects = std::ssize(boxes), side = scores.size(2);
  if (scores.size(0) != objects || channels < objects)
    throw Error(ErrorKind::shape, {.where = "seeds",
                                   .found = cat(to_string(scores.shape()), " scores for ", objects, " boxes"),
                                   .allowed = "a row for each"});
  Tensor seeds = Tensor::zeros(DataType::f32, {1, channels, map.height, map.width});
  for (int64_t k = 0; k < objects; ++k) {
    const float* crop = scores.data<float>().data() + k * side * side;
    float* plane = seeds.data<float>().data() + k * map.height * map.width;
    for (const SeedCell& at : seed_cells(boxes[static_cast<size_t>(k)], side, map, stride)) {
      const auto row = [&](int64_t y) {
        const float left = crop[y * side + at.column[0]], right = crop[y * side + at.column[1]];
        return left + (right - left) * at.across;
      };
      const float above = row(at.row[0]), below = row(at.row[1]);
      plane[at.cell] = above + (below - above) * at.down;
    }
  }
  return seeds;
}

Box voted_region(Extent map, int64_t stride) {
  const float before = static_cast<float>(stride - 1) / 2;
  return {-before, -before, static_cast<float>(stride * map.width) - before,
          static_cast<float>(stride * map.height) - before};
}

}  // namespace vitrail
