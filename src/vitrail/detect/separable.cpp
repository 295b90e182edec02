#include "vitrail/detect/separable.h"

#include <algorithm>
#include <array>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/kernel.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/resize_positions.h"

namespace vitrail::detect_detail {
namespace {

constexpr int64_t channels_per_thread = 4;
constexpr int64_t channels_per_block = 8;  // their planes stay in the cache while all boxes read them
constexpr int64_t lanes = 8;

// A source's taps as its channels read them.
struct Plan {
  const Source* source = nullptr;
  int64_t begin = 0, end = 0;  // the columns of the map that are read
  bool copies = false;         // a window of the map as it is
  // Columns, filled up to whole vectors, all with as many taps: [taps][outputs], pixels counted from `begin`.
  int64_t taps = 0, outputs = 0;
  std::vector<int32_t> pixel;
  std::vector<float> weight;
};

// Whether the positions are neighbouring pixels as they are.
bool side_by_side(const Taps& taps) {
  for (size_t t = 1; t < taps.pixel.size(); ++t)
    if (taps.pixel[t] != taps.pixel[t - 1] + 1) return false;
  return std::ssize(taps.pixel) == taps.positions() &&
         std::all_of(taps.weight.begin(), taps.weight.end(), [](float weight) { return weight == 1; });
}

Plan plan_of(const Source& source) {
  const Taps& columns = source.columns;
  Plan plan{.source = &source};
  plan.copies = side_by_side(source.rows) && side_by_side(columns) && !source.pooled;
  plan.outputs = round_up(columns.positions(), lanes);
  if (columns.pixel.empty()) return plan;
  const auto [least, most] = std::minmax_element(columns.pixel.begin(), columns.pixel.end());
  plan.begin = *least;
  plan.end = *most + 1;
  for (size_t c = 1; c < columns.first.size(); ++c)
    plan.taps = std::max(plan.taps, columns.first[c] - columns.first[c - 1]);
  plan.pixel.assign(static_cast<size_t>(plan.taps * plan.outputs), 0);
  plan.weight.assign(plan.pixel.size(), 0);
  for (int64_t c = 0; c < columns.positions(); ++c) {
    const int64_t first = columns.first[static_cast<size_t>(c)],
                  last = columns.first[static_cast<size_t>(c + 1)];
    for (int64_t t = first; t < last; ++t) {
      const auto to = static_cast<size_t>((t - first) * plan.outputs + c);
      plan.pixel[to] = static_cast<int32_t>(columns.pixel[static_cast<size_t>(t)] - plan.begin);
      plan.weight[to] = columns.weight[static_cast<size_t>(t)];
    }
  }
  return plan;
}

// to = the sum of `taps` rows of `count` values.
VITRAIL_KERNEL void weigh_rows(const float* plane, int64_t width, const int64_t* rows, const float* weights,
                               int64_t taps, int64_t count, float* __restrict to) {
  for (int64_t t = 0; t < taps; ++t) {
    const float* __restrict from = plane + rows[t] * width;
    const float weight = weights[t];
    if (t == 0)
      for (int64_t i = 0; i < count; ++i)
        to[i] = weight * from[i];
    else
      for (int64_t i = 0; i < count; ++i)
        to[i] += weight * from[i];
  }
}

VITRAIL_KERNEL void add_weighed(const float* __restrict from, float weight, int64_t count,
                                float* __restrict to) {
  for (int64_t i = 0; i < count; ++i)
    to[i] += weight * from[i];
}

VITRAIL_KERNEL void weigh_columns(const float* __restrict from, const int32_t* __restrict pixel,
                                  const float* __restrict weight, int64_t taps, int64_t outputs,
                                  float* __restrict to) {
  for (int64_t begin = 0; begin < outputs; begin += lanes) {
    float sums[lanes] = {};
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t i = 0; i < lanes; ++i)
        sums[i] += weight[t * outputs + begin + i] * from[pixel[t * outputs + begin + i]];
    for (int64_t i = 0; i < lanes; ++i)
      to[begin + i] = sums[i];
  }
}

VITRAIL_KERNEL void pool_pairs(const float* __restrict from, int64_t height, int64_t width,
                               float* __restrict to) {
  for (int64_t y = 0; y < height; ++y, from += 4 * width, to += width)
    for (int64_t x = 0; x < width; ++x) {
      const float above = std::max(from[2 * x], from[2 * x + 1]);
      const float below = std::max(from[2 * width + 2 * x], from[2 * width + 2 * x + 1]);
      to[x] = std::max(above, below);
    }
}

void copy_rows(const float* __restrict from, int64_t stride, int64_t rows, int64_t columns,
               float* __restrict to) {
  for (int64_t r = 0; r < rows; ++r, from += stride, to += columns)
    for (int64_t i = 0; i < columns; ++i)
      to[i] = from[i];
}

// Room for what one thread computes in between.
struct Scratch {
  std::vector<float> row, outputs, twice;
};

Scratch scratch_for(int64_t widest, Extent crop) {
  const auto room = [](int64_t count) { return std::vector<float>(static_cast<size_t>(count)); };
  return {room(widest), room(round_up(2 * crop.width, lanes)), room(4 * crop.height * crop.width)};
}

// One channel of one crop: [rows, columns].
void crop_plane(const float* plane, const Plan& plan, Scratch& scratch, float* to) {
  const Taps& rows = plan.source->rows;
  const int64_t width = plan.source->map->size(3), columns = plan.source->columns.positions();
  if (plan.copies) {
    copy_rows(plane + rows.pixel[0] * width + plan.begin, width, rows.positions(), columns, to);
    return;
  }
  for (int64_t r = 0; r < rows.positions(); ++r, to += columns) {
    const auto first = static_cast<size_t>(rows.first[static_cast<size_t>(r)]);
    const int64_t taps = rows.first[static_cast<size_t>(r + 1)] - static_cast<int64_t>(first);
    if (taps == 0 || plan.taps == 0) {
      std::fill_n(to, columns, 0.0f);
    } else {
      weigh_rows(plane + plan.begin, width, rows.pixel.data() + first, rows.weight.data() + first, taps,
                 plan.end - plan.begin, scratch.row.data());
      weigh_columns(scratch.row.data(), plan.pixel.data(), plan.weight.data(), plan.taps, plan.outputs,
                    scratch.outputs.data());
      std::copy_n(scratch.outputs.data(), columns, to);
    }
  }
}

// The ways back of pool_pairs and crop_plane.
void unpool_pairs(const float* values, const float* gradient, int64_t height, int64_t width, float* to) {
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const int64_t first = 4 * y * width + 2 * x;
      const std::array<int64_t, 4> places{first, first + 1, first + 2 * width, first + 2 * width + 1};
      int64_t most = first;
      for (const int64_t place : places) {
        to[place] = 0;
        if (values[place] > values[most]) most = place;
      }
      to[most] = gradient[y * width + x];
    }
}

void uncrop_plane(const float* gradient, const Plan& plan, Scratch& scratch, float* plane) {
  const Taps& rows = plan.source->rows;
  const int64_t width = plan.source->map->size(3), columns = plan.source->columns.positions();
  const int64_t used = plan.end - plan.begin;
  for (int64_t r = 0; r < rows.positions(); ++r, gradient += columns) {
    std::fill_n(scratch.row.data(), used, 0.0f);
    for (int64_t t = 0; t < plan.taps; ++t)
      for (int64_t c = 0; c < columns; ++c) {
        const auto tap = static_cast<size_t>(t * plan.outputs + c);
        scratch.row[static_cast<size_t>(plan.pixel[tap])] += plan.weight[tap] * gradient[c];
      }
    for (int64_t t = rows.first[static_cast<size_t>(r)]; t < rows.first[static_cast<size_t>(r + 1)]; ++t)
      add_weighed(scratch.row.data(), rows.weight[static_cast<size_t>(t)], used,
                  plane + rows.pixel[static_cast<size_t>(t)] * width + plan.begin);
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
    for (size_t k = 0; k < near.from.size(); ++k)
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
  std::vector<Plan> plans;
  int64_t widest = 0;
  for (const Source& source : sources) {
    plans.push_back(plan_of(source));
    widest = std::max(widest, source.map->size(3));
  }
  const int64_t values = crop.height * crop.width;
  // Every thread takes its channels of all crops: equal shares, whatever the boxes.
  parallel_ranges(channels, channels_per_thread, [&](int64_t begin, int64_t end, int) {
    Scratch scratch = scratch_for(widest, crop);
    for (int64_t block = begin; block < end; block += channels_per_block)
      for (size_t s = 0; s < sources.size(); ++s) {
        const Source& source = sources[s];
        const int64_t plane = source.map->size(2) * source.map->size(3);
        for (int64_t c = block; c < std::min(block + channels_per_block, end); ++c) {
          const float* from = source.map->data<float>().data() + (source.image * channels + c) * plane;
          float* crop_to = to + (static_cast<int64_t>(s) * channels + c) * values;
          crop_plane(from, plans[s], scratch, source.pooled ? scratch.twice.data() : crop_to);
          if (source.pooled) pool_pairs(scratch.twice.data(), crop.height, crop.width, crop_to);
        }
      }
  });
  return crops;
}

void add_crop_gradients(const std::vector<Source>& sources, const Tensor& gradient, Tensor& map_gradient) {
  require_map(map_gradient);
  const int64_t channels = map_gradient.size(1), plane = map_gradient.size(2) * map_gradient.size(3);
  std::vector<Plan> plans;
  for (const Source& source : sources) {
    if (source.map->shape() != map_gradient.shape())
      throw Error(ErrorKind::shape, {.where = "gradients of crops",
                                     .found = to_string(map_gradient.shape()),
                                     .allowed = cat(to_string(source.map->shape()), ", as the map")});
    plans.push_back(plan_of(source));
  }
  if (gradient.shape().size() != 4 || gradient.size(0) != std::ssize(sources) || gradient.size(1) != channels)
    throw Error(ErrorKind::shape, {.where = "gradients of crops",
                                   .found = to_string(gradient.shape()),
                                   .allowed = cat("[", sources.size(), ",", channels, ",height,width]")});
  const Extent crop{gradient.size(2), gradient.size(3)};
  for (const Source& source : sources)
    if (const int64_t times = source.pooled ? 2 : 1;
        source.rows.positions() != times * crop.height || source.columns.positions() != times * crop.width)
      throw Error(ErrorKind::shape, {.where = "gradients of crops",
                                     .found = cat(crop.height, "x", crop.width),
                                     .allowed = cat(source.rows.positions() / times, "x",
                                                    source.columns.positions() / times, ", as the crops")});
  const int64_t values = crop.height * crop.width;
  parallel_ranges(channels, channels_per_thread, [&](int64_t begin, int64_t end, int) {
    Scratch scratch = scratch_for(map_gradient.size(3), crop);
    std::vector<float> routed(scratch.twice.size());
    for (int64_t c = begin; c < end; ++c)
      for (size_t s = 0; s < sources.size(); ++s) {
        const int64_t offset = (sources[s].image * channels + c) * plane;
        const float* from = gradient.data<float>().data() + (static_cast<int64_t>(s) * channels + c) * values;
        float* to = map_gradient.data<float>().data() + offset;
        if (sources[s].pooled) {
          crop_plane(sources[s].map->data<float>().data() + offset, plans[s], scratch, scratch.twice.data());
          unpool_pairs(scratch.twice.data(), from, crop.height, crop.width, routed.data());
          from = routed.data();
        }
        uncrop_plane(from, plans[s], scratch, to);
      }
  });
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
