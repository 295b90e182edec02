#include "vitrail/detect/separable.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/kernel.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/resize_positions.h"

namespace vitrail::detect_detail {
namespace {

constexpr int64_t channels_per_thread = 4;

struct Range {
  int64_t begin = 0, end = 0;
};

Range pixels_of(const Taps& taps) {
  if (taps.pixel.empty()) return {};
  const auto [least, most] = std::minmax_element(taps.pixel.begin(), taps.pixel.end());
  return {*least, *most + 1};
}

VITRAIL_KERNEL void weigh_row(const float* __restrict from, float weight, bool first, int64_t count,
                              float* __restrict to) {
  if (first)
    for (int64_t i = 0; i < count; ++i)
      to[i] = weight * from[i];
  else
    for (int64_t i = 0; i < count; ++i)
      to[i] += weight * from[i];
}

// One channel of one crop: [rows, columns]. `sums` has room for a row of the map.
void crop_plane(const float* plane, int64_t width, const Source& source, Range used, float* sums, float* to) {
  const Taps &rows = source.rows, &columns = source.columns;
  for (int64_t r = 0; r < rows.positions(); ++r) {
    const int64_t begin = rows.first[static_cast<size_t>(r)], end = rows.first[static_cast<size_t>(r + 1)];
    for (int64_t t = begin; t < end; ++t)
      weigh_row(plane + rows.pixel[static_cast<size_t>(t)] * width + used.begin,
                rows.weight[static_cast<size_t>(t)], t == begin, used.end - used.begin, sums + used.begin);
    for (int64_t c = 0; c < columns.positions(); ++c) {
      float sum = 0;
      if (begin < end)
        for (auto t = static_cast<size_t>(columns.first[static_cast<size_t>(c)]);
             t < static_cast<size_t>(columns.first[static_cast<size_t>(c + 1)]); ++t)
          sum += columns.weight[t] * sums[columns.pixel[t]];
      *to++ = sum;
    }
  }
}

void pool_pairs(const float* from, Extent crop, float* to) {
  for (int64_t y = 0; y < crop.height; ++y, from += 4 * crop.width)
    for (int64_t x = 0; x < crop.width; ++x) {
      const float *above = from + 2 * x, *below = above + 2 * crop.width;
      *to++ = std::max(std::max(above[0], above[1]), std::max(below[0], below[1]));
    }
}

}  // namespace

void Taps::add(int64_t at, double share) {
  if (share == 0) return;
  // Neighbouring samples share pixels.
  const auto begin = static_cast<size_t>(first.back());
  for (size_t t = std::max(begin, pixel.size() - std::min<size_t>(2, pixel.size())); t < pixel.size(); ++t)
    if (pixel[t] == at) {
      weight[t] += static_cast<float>(share);
      return;
    }
  pixel.push_back(at);
  weight.push_back(static_cast<float>(share));
}

Taps taps_of(const RoiSamples& samples, int64_t bins) {
  Taps taps;
  const double each = 1 / static_cast<double>(std::max<int64_t>(samples.per_bin, 1));
  for (int64_t b = 0; b < bins; ++b) {
    for (int64_t i = 0; i < samples.per_bin; ++i) {
      const RoiSample& sample = samples.samples[static_cast<size_t>(b * samples.per_bin + i)];
      if (sample.outside) continue;
      taps.add(sample.low, (1 - sample.part) * each);
      taps.add(sample.high, sample.part * each);
    }
    taps.end();
  }
  return taps;
}

Taps crop_taps(double from, double to, int64_t outputs, int64_t size) {
  const op::Resize crop{.coordinates = op::CoordinateMode::tf_crop_and_resize,
                        .roi = std::array<double, 4>{from, 0, to, 1}};
  Taps taps;
  for (int64_t i = 0; i < outputs; ++i) {
    const ResizeTaps near = resize_taps(crop, 0, size, outputs, i);
    for (size_t k = 0; k < static_cast<size_t>(near.count); ++k)
      taps.add(near.from[k], near.weight[k]);
    taps.end();
  }
  return taps;
}

Taps copied_taps(int64_t begin, int64_t outputs, int64_t size) {
  Taps taps;
  for (int64_t at = begin; at < begin + outputs; ++at) {
    if (at >= 0 && at < size) taps.add(at, 1);
    taps.end();
  }
  return taps;
}

Source resized_source(const Tensor& map, int64_t of_image, const Box& box, Extent crop, Extent image,
                      bool pooled) {
  const int64_t times = pooled ? 2 : 1;
  const auto part = [](float at, int64_t side) {
    return static_cast<double>(at) / static_cast<double>(side);
  };
  return {&map, of_image,
          crop_taps(part(box.y1, image.height), part(box.y2, image.height), times * crop.height, map.size(2)),
          crop_taps(part(box.x1, image.width), part(box.x2, image.width), times * crop.width, map.size(3)),
          pooled};
}

Tensor crop_all(const std::vector<Source>& sources, int64_t channels, Extent crop) {
  require_crop(crop);
  Tensor crops = Tensor::empty(DataType::f32, {std::ssize(sources), channels, crop.height, crop.width});
  float* to = crops.data<float>().data();
  std::vector<Range> used;
  int64_t widest = 0;
  for (const Source& source : sources) {
    used.push_back(pixels_of(source.columns));
    widest = std::max(widest, source.map->size(3));
  }
  const int64_t values = crop.height * crop.width;
  // Every thread takes its channels of all crops: equal shares, whatever the boxes.
  parallel_ranges(channels, channels_per_thread, [&](int64_t begin, int64_t end, int) {
    std::vector<float> sums(static_cast<size_t>(widest)), twice(static_cast<size_t>(4 * values));
    for (size_t s = 0; s < sources.size(); ++s) {
      const Source& source = sources[s];
      const int64_t width = source.map->size(3), plane = source.map->size(2) * width;
      for (int64_t c = begin; c < end; ++c) {
        const float* from = source.map->data<float>().data() + (source.image * channels + c) * plane;
        float* crop_to = to + (static_cast<int64_t>(s) * channels + c) * values;
        crop_plane(from, width, source, used[s], sums.data(), source.pooled ? twice.data() : crop_to);
        if (source.pooled) pool_pairs(twice.data(), crop, crop_to);
      }
    }
  });
  return crops;
}

void require_map(const Tensor& map) {
  if (!map.defined() || map.shape().size() != 4 || map.type() != DataType::f32 || map.elements() == 0)
    throw Error(ErrorKind::shape,
                {.where = "crops",
                 .found = map.defined() ? cat("a map ", to_string(map.shape()), " of ", name_of(map.type()))
                                        : std::string("no map"),
                 .allowed = "maps are [N,C,H,W] of f32, and not empty"});
}

void require_crop(Extent crop) {
  if (crop.height < 1 || crop.width < 1)
    throw Error(ErrorKind::shape, {.where = "crops",
                                   .found = cat("crops of ", crop.height, "x", crop.width),
                                   .allowed = "at least one cell"});
}

void require_input(Extent image) {
  if (image.height < 1 || image.width < 1)
    throw Error(ErrorKind::shape, {.where = "crops",
                                   .found = cat("a network's input of ", image.height, "x", image.width),
                                   .allowed = "at least one pixel"});
}

int64_t image_of(std::span<const int64_t> images, size_t i, const Tensor& map) {
  if (images.empty()) return 0;
  if (i >= images.size() || images[i] < 0 || images[i] >= map.size(0))
    throw Error(ErrorKind::shape,
                {.where = cat("crop ", i),
                 .found = i < images.size() ? cat("image ", images[i]) : cat(images.size(), " images named"),
                 .allowed = cat("one of 0 to ", map.size(0) - 1, " for each box")});
  return images[i];
}

}  // namespace vitrail::detect_detail
