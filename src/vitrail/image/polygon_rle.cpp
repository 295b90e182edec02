// Polygons to runs, pixel for pixel as COCO's tools do it (SPEC 15.10).
//
// Corners are rounded to a grid of five steps to a pixel, and edges are walked on that grid along their
// longer axis, the other coordinate rounded. A pixel column is crossed where the walk goes between the grid
// columns 5c + 2 and 5c + 3, the middle of the column; there the outline toggles inside and outside. Here
// only those places are computed, instead of all steps of the walk.

#include <algorithm>
#include <cassert>
#include <cmath>

#include "vitrail/image/rle_changes.h"

namespace vitrail {
namespace {

constexpr double grid = 5;
constexpr int64_t before_middle = 2, behind_middle = 3;  // of the five grid columns of a pixel
constexpr double furthest = 1 << 24;

struct Corner {
  int64_t x = 0, y = 0;  // in grid steps
};

/// COCO's rounding: a half is added and the rest cut off, towards zero also below it.
int64_t rounded(double value) {
  return static_cast<int64_t>(value + 0.5);
}

/// Records one toggle: in pixel column `column`, at the grid row `row`.
class Toggles {
 public:
  Toggles(int64_t height, int64_t width) : height_(height), width_(width) {}

  void add(int64_t column, int64_t row) {
    const double y = (static_cast<double>(row) + 0.5) / grid - 0.5;
    const double pixel_row = std::ceil(std::clamp(y, 0.0, static_cast<double>(height_)));
    changes_.push_back(column * height_ + static_cast<int64_t>(pixel_row));
  }

  /// The columns whose middle lies between the grid columns `low` and `high`.
  int64_t first_column(int64_t low) const {
    return low <= before_middle ? 0 : (low - before_middle + 4) / static_cast<int64_t>(grid);
  }
  int64_t last_column(int64_t high) const {
    return high < behind_middle ? -1
                                : std::min((high - behind_middle) / static_cast<int64_t>(grid), width_ - 1);
  }

  std::vector<int64_t> take() {
    std::sort(changes_.begin(), changes_.end());
    return std::move(changes_);
  }

 private:
  int64_t height_, width_;
  std::vector<int64_t> changes_;
};

/// An edge that is wider than high: its rows at both sides of the middle, the upper one counts.
void cross_flat(Corner from, Corner to, Toggles& toggles) {
  if (from.x > to.x) std::swap(from, to);
  const double slope = static_cast<double>(to.y - from.y) / static_cast<double>(to.x - from.x);
  const auto row_at = [&](int64_t x) {
    return rounded(static_cast<double>(from.y) + slope * static_cast<double>(x - from.x));
  };
  for (int64_t column = toggles.first_column(from.x); column <= toggles.last_column(to.x); ++column) {
    const int64_t x = 5 * column + before_middle;
    toggles.add(column, std::min(row_at(x), row_at(x + 1)));
  }
}

/// An edge that is higher than wide: the last row before its rounded x passes the middle.
void cross_steep(Corner from, Corner to, Toggles& toggles) {
  if (from.y > to.y) std::swap(from, to);
  if (from.x == to.x) return;
  const double slope = static_cast<double>(to.x - from.x) / static_cast<double>(to.y - from.y);
  const int64_t length = to.y - from.y;
  const int64_t low = std::min(from.x, to.x), high = std::max(from.x, to.x);
  for (int64_t column = toggles.first_column(low); column <= toggles.last_column(high); ++column) {
    const int64_t x = 5 * column + before_middle;
    const auto has_passed = [&](int64_t t) {
      const int64_t at = rounded(static_cast<double>(from.x) + slope * static_cast<double>(t));
      return slope > 0 ? at > x : at <= x;
    };
    auto t = static_cast<int64_t>((static_cast<double>(x - from.x) + 0.5) / slope);
    t = std::clamp<int64_t>(t, 0, length);
    while (t < length && !has_passed(t))
      ++t;
    while (t > 0 && has_passed(t - 1))
      --t;
    toggles.add(column, from.y + t - 1);
  }
}

std::vector<Corner> corners_of(const std::vector<double>& polygon) {
  std::vector<Corner> corners;
  for (size_t i = 0; i + 1 < polygon.size(); i += 2) {
    assert(std::abs(polygon[i]) <= furthest && std::abs(polygon[i + 1]) <= furthest);
    corners.push_back({rounded(grid * polygon[i]), rounded(grid * polygon[i + 1])});
  }
  return corners;
}

}  // namespace

Rle rle_from_polygons(const std::vector<std::vector<double>>& polygons, int64_t height, int64_t width) {
  std::vector<Rle> parts;
  for (const std::vector<double>& polygon : polygons) {
    const std::vector<Corner> corners = corners_of(polygon);
    Toggles toggles(height, width);
    for (size_t i = 0; i < corners.size(); ++i) {
      const Corner from = corners[i], to = corners[(i + 1) % corners.size()];
      if (std::abs(to.x - from.x) >= std::abs(to.y - from.y)) {
        if (from.x != to.x) cross_flat(from, to, toggles);
      } else {
        cross_steep(from, to, toggles);
      }
    }
    parts.push_back(rle_from_changes(toggles.take(), height, width));
  }
  if (parts.empty()) return rle_from_changes({}, height, width);
  return united(parts);
}

}  // namespace vitrail
