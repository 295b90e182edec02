#pragma once
// Inside of roi.h and branches.h: crops whose every value is a weighted sum of rows times a weighted sum of
// columns. RoiAlign's bins and TensorFlow's samples both are, so one kernel computes them: rows first, over
// contiguous pixels, then columns.

#include <cstdint>
#include <span>
#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"
#include "vitrail/graph/roi_samples.h"

namespace vitrail::detect_detail {

/// For each output position the pixels (of one direction) that it is the weighted sum of: those in
/// [first[i], first[i + 1]).
struct Taps {
  std::vector<int64_t> first{0};
  std::vector<int64_t> pixel;
  std::vector<float> weight;

  void add(int64_t at, double share);  ///< to the position that is being made
  void end() { first.push_back(static_cast<int64_t>(pixel.size())); }
  int64_t positions() const { return static_cast<int64_t>(first.size()) - 1; }
};

/// The means of RoiAlign's bins along one direction.
Taps taps_of(const RoiSamples& samples, int64_t bins);
/// TensorFlow's samples: `from` and `to` are parts of the map, 0..1, along one direction.
Taps crop_taps(double from, double to, int64_t outputs, int64_t size);

/// The pixels from `begin` on as they are; 0 outside of the map.
Taps copied_taps(int64_t begin, int64_t outputs, int64_t size);

/// One crop: of which map, from which image, with which rows and columns.
struct Source {
  const Tensor* map = nullptr;  ///< [N,C,H,W] f32, the same C for all
  int64_t image = 0;
  Taps rows, columns;
  bool pooled = false;  ///< rows and columns hold twice as many positions, and a 2x2 maximum follows
};

/// crop_and_resize (roi.h) of one box, or crop_and_pool.
Source resized_source(const Tensor& map, int64_t of_image, const Box& box, Extent crop, Extent image,
                      bool pooled);

/// [sources, C, height, width].
Tensor crop_all(const std::vector<Source>& sources, int64_t channels, Extent crop);

/// Throws Error(shape) unless `map` is [N,C,H,W], f32 and not empty.
void require_map(const Tensor& map);
/// Throws Error(shape) unless a crop has cells.
void require_crop(Extent crop);
/// Throws Error(shape) unless the network's input has pixels.
void require_input(Extent image);
/// The image of box `i` (0 where `images` is empty), or Error(shape).
int64_t image_of(std::span<const int64_t> images, size_t i, const Tensor& map);

}  // namespace vitrail::detect_detail
