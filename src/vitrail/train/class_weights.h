#pragma once
// Weights that let rare classes count in the loss.
//
//   ClassPixels pixels = count_class_pixels(*dataset, 11);
//   LossOptions options{.class_weights = median_frequency_weights(pixels)};

#include <cstdint>
#include <functional>
#include <vector>

#include "vitrail/data/dataset.h"

namespace vitrail::train {

struct ClassPixels {
  std::vector<int64_t> pixels;            ///< of each class over the whole set
  std::vector<int64_t> pixels_of_images;  ///< labelled pixels of the images in which the class occurs
};

/// Reads every label map once. Throws what `load` throws, and Error(format) for a label that is no class;
/// Error(cancelled) as soon as `cancelled` says so.
ClassPixels count_class_pixels(const Dataset& dataset, int64_t classes,
                               const std::function<bool()>& cancelled = {});

/// weight = median of f / f of the class, with f = its pixels / labelled pixels of the images that have it
/// (Eigen & Fergus 2015, as SegNet uses it). A class without pixels weighs 0.
std::vector<double> median_frequency_weights(const ClassPixels& pixels);

/// weight ~ (1 - beta) / (1 - beta^n) for n pixels (Cui et al. 2019), scaled to a mean of 1 over the classes
/// that occur. A class without pixels weighs 0.
std::vector<double> effective_number_weights(const ClassPixels& pixels, double beta);

}  // namespace vitrail::train
