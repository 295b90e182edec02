#pragma once
// How often a value takes which magnitude, and where to cut it off so that 8 bits describe the rest best.

#include <cstdint>
#include <span>
#include <vector>

namespace vitrail {

/// Counts of |x| in bins of equal width from 0; the range doubles as larger values come.
class Histogram {
 public:
  static constexpr size_t kBins = 4096;

  /// Infinite and undefined values are left out.
  void add(std::span<const float> values);

  int64_t count() const { return count_; }
  double largest() const { return largest_; }
  bool has_negative() const { return negative_; }
  double bin_width() const { return width_; }
  const std::vector<int64_t>& bins() const { return bins_; }

 private:
  void widen(double largest);

  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins, 0);
  double width_ = 0;
  double largest_ = 0;
  int64_t count_ = 0;
  bool negative_ = false;
};

/// The magnitude that `percent` of all values do not exceed; never below a bin, 0 where there are no values.
double percentile_threshold(const Histogram& histogram, double percent);

/// The threshold whose `levels` steps keep most of the distribution: the smallest Kullback-Leibler divergence
/// between the histogram cut off there and the same in `levels` steps (8-bit inference with TensorRT,
/// S. Migacz, 2017). `levels` is 128 for signed bytes, 256 for unsigned ones.
double entropy_threshold(const Histogram& histogram, int64_t levels);

}  // namespace vitrail
