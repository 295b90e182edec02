#include "vitrail/data/class_weights.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

void PixelCounts::add(const LabelMap& labels) {
  std::vector<int64_t> histogram(1 << 16);
  for (const uint16_t label : labels.labels)
    ++histogram[label];
  const auto all = static_cast<int64_t>(labels.labels.size());
  PixelCounts one(static_cast<int64_t>(pixels.size()));
  for (size_t label = 0; label < histogram.size(); ++label) {
    if (histogram[label] == 0) continue;
    if (label < pixels.size()) {
      one.pixels[label] = histogram[label];
      one.pixels_where_present[label] = all;
      one.labelled += histogram[label];
    } else if (label == LabelMap::ignore_label) {
      one.ignored = histogram[label];
    } else {
      throw Error(ErrorKind::format, {.where = "pixel counts",
                                      .found = cat("label ", label),
                                      .allowed = cat(pixels.size(), " classes are counted, 255 is ignored")});
    }
  }
  add(one);
}

void PixelCounts::add(const PixelCounts& other) {
  pixels.resize(std::max(pixels.size(), other.pixels.size()));
  pixels_where_present.resize(pixels.size());
  for (size_t c = 0; c < other.pixels.size(); ++c) {
    pixels[c] += other.pixels[c];
    pixels_where_present[c] += other.pixels_where_present[c];
  }
  labelled += other.labelled;
  ignored += other.ignored;
}

std::vector<double> median_frequency_weights(const PixelCounts& counts) {
  const auto frequency = [&](size_t c) {
    return static_cast<double>(counts.pixels[c]) / static_cast<double>(counts.pixels_where_present[c]);
  };
  std::vector<double> present, weights(counts.pixels.size(), 1.0);
  for (size_t c = 0; c < weights.size(); ++c)
    if (counts.pixels[c] > 0) present.push_back(frequency(c));
  if (present.empty()) return weights;
  std::sort(present.begin(), present.end());
  const double median = 0.5 * (present[(present.size() - 1) / 2] + present[present.size() / 2]);
  for (size_t c = 0; c < weights.size(); ++c)
    if (counts.pixels[c] > 0) weights[c] = median / frequency(c);
  return weights;
}

std::vector<double> effective_number_weights(const PixelCounts& counts, double beta) {
  if (!(beta >= 0 && beta < 1))
    throw Error(ErrorKind::usage, {.where = "effective number weights",
                                   .found = cat("beta ", beta),
                                   .allowed = "0 <= beta < 1; (N - 1) / N is usual"});
  std::vector<double> weights(counts.pixels.size(), 1.0);
  double sum = 0;
  int64_t present = 0;
  for (size_t c = 0; c < weights.size(); ++c) {
    if (counts.pixels[c] == 0) continue;
    // 1 - beta^n by expm1: beta^n is 1 to double precision for the rare classes that matter most.
    const double lost = beta == 0 ? 1 : -std::expm1(static_cast<double>(counts.pixels[c]) * std::log(beta));
    weights[c] = (1 - beta) / lost;
    sum += weights[c];
    ++present;
  }
  for (size_t c = 0; c < weights.size(); ++c)
    if (counts.pixels[c] > 0) weights[c] *= static_cast<double>(present) / sum;
  return weights;
}

double effective_number_beta(const PixelCounts& counts) {
  return counts.labelled == 0 ? 0 : 1 - 1 / static_cast<double>(counts.labelled);
}

}  // namespace vitrail
