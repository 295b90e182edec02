#include "vitrail/detect/roi.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/separable.h"

namespace vitrail {
namespace {

using detect_detail::Source;

Source aligned_source(const Tensor& map, int64_t image, const Box& box, const op::RoiAlign& op) {
  const auto rows =
      roi_samples(op, static_cast<double>(box.y1), static_cast<double>(box.y2), op.height, map.size(2));
  const auto columns =
      roi_samples(op, static_cast<double>(box.x1), static_cast<double>(box.x2), op.width, map.size(3));
  return {&map, image, detect_detail::taps_of(rows, op.height), detect_detail::taps_of(columns, op.width),
          false};
}

// The maximum of the weighted corners of all samples is not separable (graph/evaluate has it, as ONNX).
void require_average(const op::RoiAlign& op) {
  if (op.mode == op::RoiAlign::Mode::average) return;
  throw Error(ErrorKind::unsupported, {.where = "roi_align", .found = "mode maximum", .allowed = "average"});
}

// Pixels [begin, end) of every bin of RoIPool, clipped to the map.
std::vector<std::pair<int64_t, int64_t>> pool_bins(float from, float to, double scale, int64_t bins,
                                                   int64_t size) {
  const auto cell = [&](float at) {
    return static_cast<int64_t>(std::clamp(std::round(static_cast<double>(at) * scale), -1e9, 1e9));
  };
  const int64_t start = cell(from), extent = std::max<int64_t>(cell(to) - start + 1, 1);
  std::vector<std::pair<int64_t, int64_t>> result;
  for (int64_t b = 0; b < bins; ++b) {
    const int64_t begin = start + b * extent / bins, end = start + ((b + 1) * extent + bins - 1) / bins;
    result.emplace_back(std::clamp<int64_t>(begin, 0, size), std::clamp<int64_t>(end, 0, size));
  }
  return result;
}

}  // namespace

std::vector<Source> detect_detail::aligned_sources(const Tensor& maps, std::span<const Box> boxes,
                                                   std::span<const int64_t> images, const op::RoiAlign& op) {
  require_map(maps);
  require_finite(boxes, "roi_align");
  require_average(op);
  std::vector<Source> sources;
  for (size_t r = 0; r < boxes.size(); ++r)
    sources.push_back(aligned_source(maps, image_of(images, r, maps), boxes[r], op));
  return sources;
}

std::vector<Source> detect_detail::resized_sources(const Tensor& maps, std::span<const Box> boxes,
                                                   std::span<const int64_t> images, Extent crop, Extent image,
                                                   bool pooled) {
  require_map(maps);
  require_finite(boxes, "crop_and_resize");
  require_input(image);
  std::vector<Source> sources;
  for (size_t r = 0; r < boxes.size(); ++r)
    sources.push_back(resized_source(maps, image_of(images, r, maps), boxes[r], crop, image, pooled));
  return sources;
}

Tensor roi_align(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                 const op::RoiAlign& op) {
  const std::vector<Source> sources = detect_detail::aligned_sources(maps, boxes, images, op);
  return detect_detail::crop_all(sources, maps.size(1), {op.height, op.width});
}

Tensor roi_pool(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images, Extent crop,
                double spatial_scale) {
  detect_detail::require_map(maps);
  require_finite(boxes, "roi_pool");
  detect_detail::require_crop(crop);
  const int64_t channels = maps.size(1), height = maps.size(2), width = maps.size(3);
  Tensor crops = Tensor::zeros(DataType::f32, {std::ssize(boxes), channels, crop.height, crop.width});
  const float* from = maps.data<float>().data();
  float* to = crops.data<float>().data();
  for (size_t r = 0; r < boxes.size(); ++r) {
    const int64_t image = detect_detail::image_of(images, r, maps);
    const auto rows = pool_bins(boxes[r].y1, boxes[r].y2, spatial_scale, crop.height, height);
    const auto columns = pool_bins(boxes[r].x1, boxes[r].x2, spatial_scale, crop.width, width);
    parallel_for(channels, 16, [&](int64_t c) {
      const float* plane = from + (image * channels + c) * height * width;
      float* bin = to + (static_cast<int64_t>(r) * channels + c) * crop.height * crop.width;
      for (const auto& [top, bottom] : rows)
        for (const auto& [left, right] : columns) {
          float most = -std::numeric_limits<float>::infinity();
          for (int64_t y = top; y < bottom; ++y)
            for (int64_t x = left; x < right; ++x)
              most = std::max(most, plane[y * width + x]);
          *bin++ = top < bottom && left < right ? most : 0;
        }
    });
  }
  return crops;
}

Tensor crop_and_resize(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                       Extent crop, Extent image) {
  const std::vector<Source> sources = detect_detail::resized_sources(maps, boxes, images, crop, image, false);
  return detect_detail::crop_all(sources, maps.size(1), crop);
}

Tensor crop_and_pool(const Tensor& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                     Extent crop, Extent image) {
  const std::vector<Source> sources = detect_detail::resized_sources(maps, boxes, images, crop, image, true);
  return detect_detail::crop_all(sources, maps.size(1), crop);
}

int64_t level_of(const Box& box, const RcnnSystem& system) {
  const auto level_of_stride = [](int64_t stride) {
    return std::lround(std::log2(static_cast<double>(stride)));
  };
  if (system.strides.empty())
    throw Error(ErrorKind::usage,
                {.where = "level_of", .found = "no strides", .allowed = "one for each map"});
  // The small number keeps an empty box finite.
  const double level = std::floor(
      static_cast<double>(system.canonical_level) +
      std::log2(std::sqrt(static_cast<double>(box.area())) / static_cast<double>(system.canonical_size) +
                1e-8));
  const double finest = static_cast<double>(level_of_stride(system.strides.front()));
  return static_cast<int64_t>(
      std::clamp(level - finest, 0.0, static_cast<double>(system.strides.size() - 1)));
}

Tensor roi_crops(const std::vector<Tensor>& maps, std::span<const Box> boxes, std::span<const int64_t> images,
                 const RcnnSystem& system, int64_t side, Extent image) {
  require_finite(boxes, "roi_crops");
  detect_detail::require_input(image);
  if (maps.size() != system.strides.size() || maps.empty())
    throw Error(ErrorKind::shape, {.where = "roi_crops",
                                   .found = cat(maps.size(), " maps"),
                                   .allowed = cat("one for each of ", system.strides.size(), " strides")});
  for (const Tensor& map : maps) {
    detect_detail::require_map(map);
    if (map.size(0) != maps[0].size(0) || map.size(1) != maps[0].size(1))
      throw Error(ErrorKind::shape,
                  {.where = "roi_crops",
                   .found = cat("maps ", to_string(maps[0].shape()), " and ", to_string(map.shape())),
                   .allowed = "the same images and channels in all"});
  }
  const bool pooled = system.crop == RcnnSystem::Crop::crop_and_resize_pooled;
  std::vector<Source> sources;
  for (size_t r = 0; r < boxes.size(); ++r) {
    const auto level = static_cast<size_t>(level_of(boxes[r], system));
    const Tensor& map = maps[level];
    const int64_t of = detect_detail::image_of(images, r, map);
    const op::RoiAlign align{.height = side,
                             .width = side,
                             .sampling_ratio = system.sampling_ratio,
                             .spatial_scale = 1 / static_cast<double>(system.strides[level]),
                             .aligned = system.crop == RcnnSystem::Crop::roi_align};
    sources.push_back(pooled ? detect_detail::resized_source(map, of, boxes[r], {side, side}, image, true)
                             : aligned_source(map, of, boxes[r], align));
  }
  return detect_detail::crop_all(sources, maps[0].size(1), {side, side});
}

}  // namespace vitrail
