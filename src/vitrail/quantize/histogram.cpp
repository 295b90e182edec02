#include "vitrail/quantize/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vitrail {
namespace {

// KL(P || Q) of the first `cut` bins, with all beyond counted into the last of them (P), and the same in
// `levels` steps of which each spreads its counts over those of its bins that are not empty (Q).
double divergence(const std::vector<int64_t>& bins, size_t cut, size_t levels, double beyond) {
  double total = beyond, spread_total = 0;
  for (size_t i = 0; i < cut; ++i)
    total += static_cast<double>(bins[i]), spread_total += static_cast<double>(bins[i]);
  if (spread_total == 0) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t level = 0; level < levels; ++level) {
    const size_t begin = level * cut / levels, end = (level + 1) * cut / levels;
    double counts = 0, filled = 0;
    for (size_t i = begin; i < end; ++i) {
      counts += static_cast<double>(bins[i]);
      filled += bins[i] > 0 ? 1 : 0;
    }
    for (size_t i = begin; i < end; ++i) {
      const double here = static_cast<double>(bins[i]) + (i + 1 == cut ? beyond : 0);
      if (here == 0) continue;
      const double p = here / total, q = bins[i] > 0 ? counts / filled / spread_total : 1e-9;
      sum += p * std::log(p / q);
    }
  }
  return sum;
}

}  // namespace

void Histogram::widen(double largest) {
  if (width_ == 0) width_ = largest / static_cast<double>(kBins);
  while (largest > width_ * static_cast<double>(kBins)) {
    for (size_t i = 0; i < kBins / 2; ++i)
      bins_[i] = bins_[2 * i] + bins_[2 * i + 1];
    std::fill(bins_.begin() + kBins / 2, bins_.end(), 0);
    width_ *= 2;
  }
}

void Histogram::add(std::span<const float> values) {
  float most = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    most = std::max(most, std::abs(value));
    negative_ = negative_ || value < 0;
  }
  largest_ = std::max<double>(largest_, most);
  if (most > 0) widen(most);
  const double factor = width_ > 0 ? 1 / width_ : 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const auto bin = static_cast<size_t>(std::abs(static_cast<double>(value)) * factor);
    ++bins_[std::min(bin, kBins - 1)];
    ++count_;
  }
}

double percentile_threshold(const Histogram& histogram, double percent) {
  const double wanted = percent / 100 * static_cast<double>(histogram.count());
  double seen = 0;
  for (size_t i = 0; i < Histogram::kBins; ++i) {
    seen += static_cast<double>(histogram.bins()[i]);
    if (seen >= wanted)
      return std::min(histogram.largest(), histogram.bin_width() * static_cast<double>(i + 1));
  }
  return histogram.largest();
}

double entropy_threshold(const Histogram& histogram, int64_t levels) {
  // A peak of exact zeros (a ReLU's) is kept by any threshold and would drown what differs.
  std::vector<int64_t> bins = histogram.bins();
  bins[0] = bins[1];
  const auto steps = static_cast<size_t>(levels);
  const int64_t all = std::accumulate(bins.begin(), bins.end(), int64_t{0});
  if (all == 0) return histogram.largest();
  double best = std::numeric_limits<double>::infinity();
  size_t best_cut = Histogram::kBins;
  for (size_t cut = steps; cut <= Histogram::kBins; cut += steps / 4) {
    const int64_t inside =
        std::accumulate(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(cut), int64_t{0});
    const double found = divergence(bins, cut, steps, static_cast<double>(all - inside));
    if (found < best) best = found, best_cut = cut;
  }
  return std::min(histogram.largest(), histogram.bin_width() * static_cast<double>(best_cut));
}

}  // namespace vitrail
