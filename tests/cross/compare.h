#pragma once
// How far two tensors are apart, as the tests of this folder state it.

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/base/tensor.h"

namespace vitrail {

/// The largest |a - b| over the largest |b| or `least`, whichever is more; infinite for other shapes or
/// types, or a value that is no number. What is not f32 must be equal.
inline double relative_difference(const Tensor& a, const Tensor& b,
                                  double least = std::numeric_limits<double>::min()) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape() || a.type() != b.type()) return kInfinity;
  if (a.type() != DataType::f32) return std::equal(a.raw(), a.raw() + a.bytes(), b.raw()) ? 0 : kInfinity;
  double largest = least, apart = 0;
  const auto x = a.data<float>(), y = b.data<float>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return kInfinity;
    largest = std::max(largest, std::abs(double{y[i]}));
    apart = std::max(apart, std::abs(double{x[i]} - double{y[i]}));
  }
  return apart / largest;
}

}  // namespace vitrail
