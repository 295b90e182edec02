#pragma once
// Weights that make rare classes count in a loss, from the pixels each class has in the training set.
//
//   PixelCounts counts(11);
//   for (int64_t i = 0; i < data->size(); ++i) counts.add(data->load(i).labels);
//   std::vector<double> w = median_frequency_weights(counts);

#include <cstdint>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

/// Labelled pixels by class, over a set of label maps.
struct PixelCounts {
  explicit PixelCounts(int64_t classes = 0)
      : pixels(static_cast<size_t>(classes)), pixels_where_present(static_cast<size_t>(classes)) {}

  /// Throws Error(format) for a label that is neither a class nor the ignore label.
  void add(const LabelMap& labels);
  void add(const PixelCounts& other);

  std::vector<int64_t> pixels;  ///< of each class
  std::vector<int64_t>
      pixels_where_present;  ///< all pixels, ignored ones too, of the label maps that hold the class
  int64_t labelled = 0;
  int64_t ignored = 0;
};

/// Median frequency balancing: median(f) / f[c] with f[c] = pixels[c] / pixels_where_present[c], the median
/// over the classes that occur. A class that never occurs gets 1. Source: Eigen & Fergus 2015 (4.3), as used
/// by SegNet.
std::vector<double> median_frequency_weights(const PixelCounts& counts);

/// Class-balanced weights: (1 - beta) / (1 - beta^n[c]), scaled so that their mean over the classes that
/// occur is 1. beta in [0, 1); 0 weighs all alike, towards 1 it becomes the inverse frequency. A class that
/// never occurs gets 1. Throws Error(usage) for another beta. Source: Cui et al. 2019, who take beta = (N -
/// 1) / N: see `effective_number_beta`.
std::vector<double> effective_number_weights(const PixelCounts& counts, double beta);

/// (N - 1) / N for N labelled pixels; 0 when there are none.
double effective_number_beta(const PixelCounts& counts);

}  // namespace vitrail
