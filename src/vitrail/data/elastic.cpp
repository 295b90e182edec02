#include "vitrail/data/elastic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace vitrail {
namespace {

/// Where each position along one side lies on the lattice: four points and their weights.
struct LatticeTaps {
  std::array<size_t, 4> from{};
  std::array<double, 4> weight{};
};

std::vector<LatticeTaps> lattice_taps(int64_t size, int64_t grid) {
  std::vector<LatticeTaps> taps(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const double at = size == 1 ? 0 : static_cast<double>(i * (grid - 1)) / static_cast<double>(size - 1);
    const auto low = std::min(static_cast<int64_t>(at), grid - 2);
    const double t = at - static_cast<double>(low);
    LatticeTaps& one = taps[static_cast<size_t>(i)];
    one.weight = {((-t + 2) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((-3 * t + 4) * t + 1) * t / 2,
                  (t - 1) * t * t / 2};
    for (int64_t k = 0; k < 4; ++k)
      one.from[static_cast<size_t>(k)] = static_cast<size_t>(std::clamp<int64_t>(low - 1 + k, 0, grid - 1));
  }
  return taps;
}

/// One direction's displacements.
class Field {
 public:
  Field(int64_t grid, double sigma, Random& random)
      : grid_(static_cast<size_t>(grid)), points_(grid_ * grid_) {
    for (double& point : points_)
      point = sigma * random.normal();
  }
  /// At the lattice's columns, on this row.
  std::vector<double> on(const LatticeTaps& row) const {
    std::vector<double> values(grid_, 0);
    for (size_t column = 0; column < grid_; ++column)
      for (size_t i = 0; i < 4; ++i)
        values[column] += row.weight[i] * points_[row.from[i] * grid_ + column];
    return values;
  }

 private:
  size_t grid_;
  std::vector<double> points_;
};

double at(const std::vector<double>& on_row, const LatticeTaps& column) {
  double sum = 0;
  for (size_t i = 0; i < 4; ++i)
    sum += column.weight[i] * on_row[column.from[i]];
  return sum;
}

/// `position` folded back into [0, size - 1] at the border pixels' centres.
double mirrored(double position, int64_t size) {
  if (size == 1) return 0;
  const auto last = static_cast<double>(size - 1);
  const double folded = std::fmod(std::abs(position), 2 * last);
  return folded > last ? 2 * last - folded : folded;
}

void show_pixel(const Image& from, double y, double x, uint8_t* to) {
  const auto top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + 1, from.height - 1), right = std::min(left + 1, from.width - 1);
  const double v = y - static_cast<double>(top), u = x - static_cast<double>(left);
  for (int64_t c = 0; c < from.channels; ++c) {
    const double upper = from.at(top, left)[c] * (1 - u) + from.at(top, right)[c] * u;
    const double lower = from.at(bottom, left)[c] * (1 - u) + from.at(bottom, right)[c] * u;
    to[c] = static_cast<uint8_t>(std::lround(upper * (1 - v) + lower * v));
  }
}

}  // namespace

Sample elastic(const Sample& sample, const ElasticOptions& options, Random& random) {
  const Field down(options.grid, options.sigma, random), across(options.grid, options.sigma, random);
  if (options.sigma == 0) return sample;
  const int64_t height = sample.image.height, width = sample.image.width;
  const std::vector<LatticeTaps> rows = lattice_taps(height, options.grid),
                                 columns = lattice_taps(width, options.grid);
  Sample bent = sample;
  for (int64_t y = 0; y < height; ++y) {
    const std::vector<double> downwards = down.on(rows[static_cast<size_t>(y)]),
                              rightwards = across.on(rows[static_cast<size_t>(y)]);
    for (int64_t x = 0; x < width; ++x) {
      const LatticeTaps& column = columns[static_cast<size_t>(x)];
      const double from_y = mirrored(static_cast<double>(y) + at(downwards, column), height);
      const double from_x = mirrored(static_cast<double>(x) + at(rightwards, column), width);
      show_pixel(sample.image, from_y, from_x, bent.image.at(y, x));
      const int64_t nearest_y = std::lround(from_y), nearest_x = std::lround(from_x);
      bent.labels.at(y, x) = sample.labels.at(nearest_y, nearest_x);
      for (size_t i = 0; i < sample.further.size(); ++i)
        bent.further[i].at(y, x) = sample.further[i].at(nearest_y, nearest_x);
    }
  }
  return bent;
}

}  // namespace vitrail
