#pragma once
// Arithmetic over class planes: maps of logits or probabilities, one plane per class, whose rows are handed
// on one band at a time so that a large picture's planes never have to be in memory at once.

#include <cstdint>
#include <functional>
#include <span>

#include "vitrail/base/tensor.h"
#include "vitrail/image/image.h"

namespace vitrail {

/// Some rows of all class planes: the value of class c at (x, y) of the picture, for first <= y < first +
/// rows, is data[c * plane + (y - first) * width + x].
struct Band {
  const float* data = nullptr;
  int64_t classes = 0;
  int64_t plane = 0;  ///< floats from one class to the next
  int64_t width = 0;  ///< floats from one row to the next, all of them used
  int64_t first = 0;
  int64_t rows = 0;
};
using BandSink = std::function<void(const Band&)>;

/// A sink that writes each pixel's class of largest value (the first one wins a tie).
BandSink labels_sink(LabelMap& labels);

/// A sink that copies into `planes` [classes, height, width].
BandSink planes_sink(Tensor& planes);

}  // namespace vitrail
