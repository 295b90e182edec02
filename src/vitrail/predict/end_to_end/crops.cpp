#include "vitrail/predict/end_to_end/crops.h"

#include <cmath>
#include <utility>

namespace vitrail {
namespace {

/// The areas from which on a box belongs to the second level, the third, ... (level_of in detect/roi.h).
std::vector<double> level_areas(const RcnnSystem& system) {
  std::vector<double> areas;
  const double finest = std::round(std::log2(static_cast<double>(system.strides.front())));
  for (size_t i = 1; i < system.strides.size(); ++i) {
    const double times =
        std::exp2(finest + static_cast<double>(i) - static_cast<double>(system.canonical_level));
    areas.push_back(std::pow(static_cast<double>(system.canonical_size) * (times - 1e-8), 2));
  }
  return areas;
}

/// Which boxes belong to each level.
std::vector<Value> by_level(const Expressions& e, const BoxColumns& b, const RcnnSystem& system) {
  const Value area = e.multiply(e.subtract(b.x2, b.x1), e.subtract(b.y2, b.y1));
  Value rest = e.equal(area, area);
  std::vector<Value> levels;
  for (const double least : level_areas(system)) {
    const Value coarser = e.greater_or_equal(area, e.number(least));
    levels.push_back(e.both(rest, e.negated(coarser)));
    rest = e.both(rest, coarser);
  }
  levels.push_back(rest);
  return levels;
}

Value crops_of(const Expressions& e, Value map, const BoxColumns& boxes, const RcnnSystem& system,
               int64_t stride, int64_t side, const Sides& input) {
  if (system.crop == RcnnSystem::Crop::crop_and_resize_pooled) {
    const auto scale = [&](int64_t dimension, Value whole) {
      return e.divide(e.cast(e.subtract(e.size(map, dimension), e.integer(1)), DataType::f32),
                      e.cast(whole, DataType::f32));
    };
    return pooled_crop(e, map, boxes, {side, side}, scale(2, input.height), scale(3, input.width));
  }
  return e.graph().add(op::RoiAlign{.height = side,
                                    .width = side,
                                    .sampling_ratio = system.sampling_ratio,
                                    .spatial_scale = 1 / static_cast<double>(stride),
                                    .aligned = system.crop == RcnnSystem::Crop::roi_align},
                       {map, stacked(e, boxes), first_image(e, boxes)});
}

}  // namespace

Value first_image(const Expressions& e, const BoxColumns& boxes) {
  return e.cast(e.multiply(boxes.x1, e.number(0)), DataType::i64);
}

// RoiAlign's samples lie in the middle of its bins, so its boxes begin half a bin before the first sample.
Value pooled_crop(const Expressions& e, Value map, const BoxColumns& boxes, Pair grid, Value y_scale,
                  Value x_scale) {
  const auto axis = [&](Value from, Value to, Value scale, int64_t cells) {
    const double samples = static_cast<double>(2 * cells);
    const Value step = e.multiply(e.multiply(e.subtract(to, from), scale), e.number(1 / (samples - 1)));
    const Value first = e.add(e.multiply(from, scale), e.number(0.5));
    const Value begin = e.subtract(first, e.multiply(step, e.number(0.5)));
    return std::pair{begin, e.add(begin, e.multiply(step, e.number(samples)))};
  };
  const auto [x1, x2] = axis(boxes.x1, boxes.x2, x_scale, grid[1]);
  const auto [y1, y2] = axis(boxes.y1, boxes.y2, y_scale, grid[0]);
  const BoxColumns regions{x1, y1, x2, y2};
  const Value sampled =
      e.graph().add(op::RoiAlign{.height = 2 * grid[0], .width = 2 * grid[1], .sampling_ratio = 1},
                    {map, stacked(e, regions), first_image(e, regions)});
  return e.graph().add(op::MaxPool{}, {sampled});
}

Taken taken(const Expressions& e, Value whether) {
  Taken taken{.whether = whether, .rank = e.rank(whether), .indices = {}, .count = {}};
  taken.count = e.larger(e.count(whether), e.integers({1}));
  const Value order = e.cast(e.numbered(taken.rank), DataType::f32);
  const Value first = e.where(whether, e.subtract(e.number(0), order), e.number(-1e9));
  taken.indices = e.top_indices(first, taken.count);
  return taken;
}

RoiCrops roi_crops(const Expressions& e, const std::vector<Value>& maps, const BoxColumns& boxes,
                   const RcnnSystem& system, int64_t side, const Sides& input) {
  if (maps.size() == 1) return {crops_of(e, maps[0], boxes, system, system.strides[0], side, input), Value{}};
  const std::vector<Value> levels = by_level(e, boxes, system);
  std::vector<Value> crops;
  Value place, before = e.integers({0});
  for (size_t i = 0; i < levels.size(); ++i) {
    const Taken own = taken(e, levels[i]);
    crops.push_back(
        crops_of(e, maps[i], some_of(e, boxes, own.indices), system, system.strides[i], side, input));
    const Value here = e.where(own.whether, e.add(own.rank, before), e.integer(0));
    place = place.exists() ? e.add(place, here) : here;
    before = e.add(before, own.count);
  }
  return {e.concat(crops, 0), place};
}

}  // namespace vitrail
