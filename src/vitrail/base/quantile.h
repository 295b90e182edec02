#pragma once
// Medians and percentiles of measured times.
//
//   quantile({3, 1, 2}, 0.5);    // 2

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vitrail {

/// The value below which `share` (0..1) of `values` lie, linear between neighbours; 0 for no values.
inline double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(std::floor(at)), high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

inline double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

}  // namespace vitrail
