#pragma once
// Inside of roi.h and branches.h, and of training's crops: crops whose every value is a weighted sum of rows
// times a weighted sum of columns. RoiAlign's bins and TensorFlow's samples both are, so one kernel computes
// them: rows first, over contiguous pixels, then columns; and one the way back.

#include <cstdint>
#include <span>
#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"
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

/// What roi_align, crop_and_resize and branch_crops crop; they throw what those throw. `maps` must stay where
/// it is.
std::vector<Source> aligned_sources(const Tensor& maps, std::span<const Box> boxes,
                                    std::span<const int64_t> images, const op::RoiAlign& op);
std::vector<Source> resized_sources(const Tensor& maps, std::span<const Box> boxes,
                                    std::span<const int64_t> images, Extent crop, Extent image, bool pooled);
std::vector<Source> branch_sources(const Tensor& map, int64_t stride, std::span<const Box> regions,
                                   std::span<const int64_t> images, const BranchSystem& branch, Extent image);
/// What a branch crops from a map of `stride`.
Extent branch_crop(const BranchSystem& branch, int64_t stride);

/// [sources, C, height, width].
Tensor crop_all(const std::vector<Source>& sources, int64_t channels, Extent crop);

/// The way back of crops that all come from one map: adds to `map_gradient`, of the map's shape, what
/// `gradient` [sources, C, height, width] says. A maximum passes it to the first of equals. Each channel is
/// summed by one thread, crop after crop, so its bits do not depend on the number of threads.
void add_crop_gradients(const std::vector<Source>& sources, const Tensor& gradient, Tensor& map_gradient);

/// Throws Error(shape) unless `map` is [N,C,H,W], f32 and not empty.
void require_map(const Tensor& map);
/// Throws Error(shape) unless a crop has cells.
void require_crop(Extent crop);
/// Throws Error(shape) unless the network's input has pixels.
void require_input(Extent image);
/// The image of box `i` (0 where `images` is empty), or Error(shape).
int64_t image_of(std::span<const int64_t> images, size_t i, const Tensor& map);

}  // namespace vitrail::detect_detail
