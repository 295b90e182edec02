#include "vitrail/train/class_weights.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

std::vector<int64_t> histogram(const Sample& sample, int64_t classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (const uint16_t label : sample.labels.labels) {
    if (label == LabelMap::ignore_label) continue;
    if (label >= classes)
      throw Error(ErrorKind::format,
                  {.where = sample.name,
                   .found = cat("label ", label),
                   .allowed = cat(classes, " classes are declared (0..", classes - 1, "), 255 is ignored"),
                   .next = "`vitrail check-dataset` finds every such pixel"});
    ++counts[label];
  }
  return counts;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

ClassPixels count_class_pixels(const Dataset& dataset, int64_t classes,
                               const std::function<bool()>& cancelled) {
  ClassPixels total{std::vector<int64_t>(static_cast<size_t>(classes)),
                    std::vector<int64_t>(static_cast<size_t>(classes))};
  for (int64_t i = 0; i < dataset.size(); ++i) {
    if (cancelled && cancelled())
      throw Error(ErrorKind::cancelled, {.found = "cancelled while counting the classes' pixels"});
    const std::vector<int64_t> counts = histogram(dataset.load(i), classes);
    int64_t labelled = 0;
    for (const int64_t count : counts)
      labelled += count;
    for (size_t c = 0; c < counts.size(); ++c) {
      total.pixels[c] += counts[c];
      if (counts[c] > 0) total.pixels_of_images[c] += labelled;
    }
  }
  return total;
}

std::vector<double> median_frequency_weights(const ClassPixels& pixels) {
  std::vector<double> present;
  for (size_t c = 0; c < pixels.pixels.size(); ++c)
    if (pixels.pixels[c] > 0)
      present.push_back(static_cast<double>(pixels.pixels[c]) /
                        static_cast<double>(pixels.pixels_of_images[c]));
  std::vector<double> weights(pixels.pixels.size());
  if (present.empty()) return weights;
  const double middle = median(present);
  for (size_t c = 0; c < weights.size(); ++c)
    if (pixels.pixels[c] > 0)
      weights[c] =
          middle * static_cast<double>(pixels.pixels_of_images[c]) / static_cast<double>(pixels.pixels[c]);
  return weights;
}

std::vector<double> effective_number_weights(const ClassPixels& pixels, double beta) {
  std::vector<double> weights(pixels.pixels.size());
  double sum = 0, present = 0;
  for (size_t c = 0; c < weights.size(); ++c) {
    const auto n = static_cast<double>(pixels.pixels[c]);
    if (n == 0) continue;
    // 1 - beta^n without the cancellation of beta near 1; at beta = 1 its limit, 1 / n.
    weights[c] = beta >= 1 ? 1 / n : (1 - beta) / -std::expm1(n * std::log(beta));
    sum += weights[c];
    ++present;
  }
  for (double& weight : weights)
    weight *= present / std::max(sum, 1e-300);
  return weights;
}

}  // namespace vitrail::train
