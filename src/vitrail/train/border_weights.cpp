#include "vitrail/train/border_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/metrics/components.h"

namespace vitrail::train {
namespace {

constexpr double reach_in_sigmas = 6;
constexpr double far = 1e12;  // a squared distance beyond every other

struct Window {
  int64_t top = std::numeric_limits<int64_t>::max(), left = top, bottom = -1, right = -1;  // inclusive

  void take_in(int64_t y, int64_t x) {
    top = std::min(top, y);
    left = std::min(left, x);
    bottom = std::max(bottom, y);
    right = std::max(right, x);
  }
  Window widened(int64_t by, int64_t height, int64_t width) const {
    return {std::max<int64_t>(top - by, 0), std::max<int64_t>(left - by, 0),
            std::min(bottom + by, height - 1), std::min(right + by, width - 1)};
  }
};

/// `f` becomes min over j of (i - j)^2 + f[j]: the lower envelope of parabolas (Felzenszwalb and
/// Huttenlocher 2012). `stride` apart, `count` of them.
class LowerEnvelope {
 public:
  void apply(double* f, int64_t count, int64_t stride) {
    values_.resize(static_cast<size_t>(count));
    vertex_.assign(static_cast<size_t>(count), 0);
    start_.assign(static_cast<size_t>(count) + 1, 0);
    for (int64_t i = 0; i < count; ++i)
      values_[static_cast<size_t>(i)] = f[i * stride];
    size_t last = 0;
    start_[0] = -far;
    for (size_t q = 1; q < values_.size(); ++q) {
      double from = crossing(q, vertex_[last]);
      while (from <= start_[last])
        from = crossing(q, vertex_[--last]);
      vertex_[++last] = q;
      start_[last] = from;
    }
    const size_t parabolas = last + 1;
    size_t k = 0;
    for (int64_t i = 0; i < count; ++i) {
      const auto x = static_cast<double>(i);
      while (k + 1 < parabolas && start_[k + 1] < x)
        ++k;
      const double d = x - static_cast<double>(vertex_[k]);
      f[i * stride] = d * d + values_[vertex_[k]];
    }
  }

 private:
  /// Where the parabola of `q` falls below that of `v`, v < q.
  double crossing(size_t q, size_t v) const {
    const auto a = static_cast<double>(q), b = static_cast<double>(v);
    return (values_[q] + a * a - values_[v] - b * b) / (2 * (a - b));
  }

  std::vector<double> values_, start_;
  std::vector<size_t> vertex_;
};

struct Nearest {
  std::vector<float> first, second;  // distances, pixels
};

/// Takes one cell's distances within its reach into the two smallest of each pixel.
void add_cell(int32_t cell, const std::vector<int32_t>& cells, int64_t width, const Window& w,
              LowerEnvelope& envelope, Nearest& nearest) {
  const int64_t rows = w.bottom - w.top + 1, columns = w.right - w.left + 1;
  std::vector<double> squares(static_cast<size_t>(rows * columns));
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      squares[static_cast<size_t>(y * columns + x)] =
          cells[static_cast<size_t>((w.top + y) * width + w.left + x)] == cell ? 0 : far;
  for (int64_t x = 0; x < columns; ++x)
    envelope.apply(squares.data() + x, rows, columns);
  for (int64_t y = 0; y < rows; ++y)
    envelope.apply(squares.data() + y * columns, columns, 1);
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x) {
      const auto at = static_cast<size_t>((w.top + y) * width + w.left + x);
      const auto distance = static_cast<float>(std::sqrt(squares[static_cast<size_t>(y * columns + x)]));
      nearest.second[at] = std::min(nearest.second[at], std::max(nearest.first[at], distance));
      nearest.first[at] = std::min(nearest.first[at], distance);
    }
}

std::vector<Window> windows_of(const std::vector<int32_t>& cells, int64_t height, int64_t width) {
  const int32_t count = cells.empty() ? 0 : *std::max_element(cells.begin(), cells.end());
  std::vector<Window> windows(static_cast<size_t>(count));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      if (const int32_t cell = cells[static_cast<size_t>(y * width + x)]; cell > 0)
        windows[static_cast<size_t>(cell - 1)].take_in(y, x);
  return windows;
}

}  // namespace

std::vector<float> border_weights(std::span<const uint16_t> labels, int64_t height, int64_t width,
                                  const BorderOptions& options, uint16_t ignore) {
  const std::vector<int32_t> cells = components(labels, height, width, static_cast<uint16_t>(options.cell));
  const std::vector<Window> windows = windows_of(cells, height, width);
  constexpr float none = std::numeric_limits<float>::infinity();
  Nearest nearest{std::vector<float>(labels.size(), none), std::vector<float>(labels.size(), none)};
  LowerEnvelope envelope;
  const auto reach = static_cast<int64_t>(std::ceil(reach_in_sigmas * options.sigma));
  for (size_t i = 0; i < windows.size(); ++i)
    add_cell(static_cast<int32_t>(i) + 1, cells, width, windows[i].widened(reach, height, width), envelope,
             nearest);
  std::vector<float> weights(labels.size(), 0);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double sum = static_cast<double>(nearest.first[i]) + static_cast<double>(nearest.second[i]);
    if (cells[i] != 0 || labels[i] == ignore || sum > reach_in_sigmas * options.sigma) continue;
    weights[i] =
        static_cast<float>(options.strength * std::exp(-sum * sum / (2 * options.sigma * options.sigma)));
  }
  return weights;
}

}  // namespace vitrail::train
