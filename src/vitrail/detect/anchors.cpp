#include "vitrail/detect/anchors.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr int64_t most_anchors = int64_t{1} << 26;

void check(const AnchorSystem& system, const std::vector<Extent>& maps, Extent image) {
  const auto fault = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "anchors", .found = found, .allowed = allowed});
  };
  if (maps.size() != system.levels.size())
    fault(cat(maps.size(), " maps"), cat("one for each of ", system.levels.size(), " levels"));
  if (image.height < 1 || image.width < 1)
    fault(cat("an image of ", image.height, "x", image.width), "at least one pixel");
  int64_t count = 0;
  for (size_t l = 0; l < maps.size(); ++l) {
    if (maps[l].height < 0 || maps[l].width < 0)
      fault(cat("map ", l, " of ", maps[l].height, "x", maps[l].width), "sizes are not negative");
    const AnchorLevel& level = system.levels[l];
    if (!(level.step >= 0) || !std::isfinite(level.step))
      fault(cat("a step of ", level.step), "positive, or 0 for image side / cells");
    for (const auto& size : level.sizes)
      if (!(size[0] > 0) || !(size[1] > 0) || !std::isfinite(size[0]) || !std::isfinite(size[1]))
        fault(cat("a size of ", size[0], "x", size[1]), "positive numbers");
    const int64_t cells = checked_mul(maps[l].height, maps[l].width, "anchors");
    count = checked_add(count, checked_mul(cells, std::ssize(level.sizes), "anchors"), "anchors");
  }
  if (count > most_anchors) fault(cat(count, " anchors"), cat("at most ", most_anchors));
}

// Pixels between the centres of a map's cells along one side.
double step_of(const AnchorSystem& system, const AnchorLevel& level, int64_t side, int64_t cells) {
  if (level.step > 0) return level.step;
  if (system.whole_steps) return static_cast<double>(side / std::max<int64_t>(cells, 1));
  return static_cast<double>(side) / static_cast<double>(cells);
}

void add_level(const AnchorSystem& system, const AnchorLevel& level, Extent map, Extent image,
               std::vector<Box>& anchors) {
  const double unit = system.relative_sizes ? static_cast<double>(std::min(image.height, image.width)) : 1;
  const double down = step_of(system, level, image.height, map.height);
  const double across = step_of(system, level, image.width, map.width);
  for (int64_t y = 0; y < map.height; ++y)
    for (int64_t x = 0; x < map.width; ++x)
      for (const auto& [height, width] : level.sizes) {
        const double cy = (static_cast<double>(y) + system.offset) * down, half_height = height * unit / 2;
        const double cx = (static_cast<double>(x) + system.offset) * across, half_width = width * unit / 2;
        anchors.push_back({static_cast<float>(cx - half_width), static_cast<float>(cy - half_height),
                           static_cast<float>(cx + half_width), static_cast<float>(cy + half_height)});
      }
}

// {height, width} of a box of area scale^2 and width / height `ratio`.
std::array<double, 2> shaped(double scale, double ratio) {
  return {scale / std::sqrt(ratio), scale * std::sqrt(ratio)};
}

// Caffe's order: the smaller square, the larger one, then every ratio lying and standing.
AnchorLevel ssd300_level(double smaller, double larger, const std::vector<double>& ratios, double step) {
  AnchorLevel level{.step = step};
  level.sizes.push_back({smaller, smaller});
  level.sizes.push_back(shaped(std::sqrt(smaller * larger), 1));
  for (const double ratio : ratios)
    for (const double turned : {ratio, 1 / ratio})
      level.sizes.push_back(shaped(smaller, turned));
  return level;
}

}  // namespace

std::vector<Box> anchors_of(const AnchorSystem& system, const std::vector<Extent>& maps, Extent image) {
  check(system, maps, image);
  std::vector<Box> anchors;
  for (size_t l = 0; l < maps.size(); ++l)
    add_level(system, system.levels[l], maps[l], image, anchors);
  return anchors;
}

std::vector<int64_t> anchors_per_cell(const AnchorSystem& system) {
  std::vector<int64_t> counts;
  for (const AnchorLevel& level : system.levels)
    counts.push_back(std::ssize(level.sizes));
  return counts;
}

AnchorSystem ssd_mobilenet_anchors(const std::vector<double>& scales) {
  if (scales.empty())
    throw Error(ErrorKind::usage,
                {.where = "anchors", .found = "no scales", .allowed = "one for each level"});
  AnchorSystem system{.relative_sizes = true};
  system.levels.push_back(
      {.sizes = {shaped(scales[0] / 2, 1), shaped(scales[0], 2), shaped(scales[0], 0.5)}});
  for (size_t l = 1; l < scales.size(); ++l) {
    const double next = l + 1 < scales.size() ? scales[l + 1] : 1;
    AnchorLevel level;
    for (const double ratio : {1.0, 2.0, 0.5, 3.0, 0.3333})
      level.sizes.push_back(shaped(scales[l], ratio));
    level.sizes.push_back(shaped(std::sqrt(scales[l] * next), 1));
    system.levels.push_back(level);
  }
  return system;
}

AnchorSystem ssd300_anchors(Ssd300Boxes boxes) {
  constexpr double side = 300;
  const std::vector<double> scales = boxes == Ssd300Boxes::caffe_voc
                                         ? std::vector<double>{.1, .2, .37, .54, .71, .88, 1.05}
                                         : std::vector<double>{.07, .15, .33, .51, .69, .87, 1.05};
  const std::vector<std::vector<double>> ratios{{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}};
  const std::vector<double> steps{8, 16, 32, 64, 100, 300};
  AnchorSystem system;
  for (size_t l = 0; l < steps.size(); ++l) {
    AnchorLevel level = ssd300_level(scales[l] * side, scales[l + 1] * side, ratios[l], steps[l]);
    if (boxes == Ssd300Boxes::torchvision)
      for (auto& [height, width] : level.sizes) {
        height = std::min(height, side);
        width = std::min(width, side);
      }
    system.levels.push_back(level);
  }
  return system;
}

AnchorSystem rpn_anchors(const RpnAnchors& options) {
  if (!options.steps.empty() && options.steps.size() != options.sizes.size())
    throw Error(ErrorKind::usage,
                {.where = "rpn_anchors",
                 .found = cat(options.steps.size(), " steps"),
                 .allowed = cat("none, or one for each of ", options.sizes.size(), " levels")});
  AnchorSystem system{.offset = 0, .whole_steps = options.whole};
  for (size_t l = 0; l < options.sizes.size(); ++l) {
    AnchorLevel level{.step = options.steps.empty() ? 0 : options.steps[l]};
    const size_t outer = options.ratios_innermost ? options.sizes[l].size() : options.ratios.size();
    const size_t inner = options.ratios_innermost ? options.ratios.size() : options.sizes[l].size();
    for (size_t i = 0; i < outer; ++i)
      for (size_t j = 0; j < inner; ++j) {
        const auto [height, width] = shaped(options.sizes[l][options.ratios_innermost ? i : j],
                                            1 / options.ratios[options.ratios_innermost ? j : i]);
        if (options.whole)
          level.sizes.push_back({2 * std::nearbyint(height / 2), 2 * std::nearbyint(width / 2)});
        else
          level.sizes.push_back({height, width});
      }
    system.levels.push_back(level);
  }
  return system;
}

}  // namespace vitrail
