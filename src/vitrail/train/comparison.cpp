#include "vitrail/train/comparison.h"

#include <algorithm>
#include <cmath>

#include "vitrail/image/resize.h"

namespace vitrail::train {
namespace {

constexpr int64_t most_side = 640;

Image fitting(Image image) {
  const double factor =
      static_cast<double>(most_side) / static_cast<double>(std::max(image.height, image.width));
  if (factor >= 1) return image;
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(std::llround(factor * static_cast<double>(side)), 1);
  };
  return resize_image(image, scaled(image.height), scaled(image.width));
}

}  // namespace

std::vector<NamedColor> colors_of(const std::vector<ClassInfo>& classes) {
  std::vector<NamedColor> colors;
  for (const ClassInfo& each : classes)
    colors.push_back({each.name, each.color});
  return colors;
}

Image comparison(const Image& truth, const Image& prediction) {
  const Image left = fitting(truth), right = fitting(prediction);
  Image both(left.height, left.width + right.width, left.channels);
  for (int64_t y = 0; y < both.height; ++y) {
    std::copy_n(left.at(y, 0), left.width * left.channels, both.at(y, 0));
    std::copy_n(right.at(y, 0), right.width * right.channels, both.at(y, left.width));
  }
  return both;
}

}  // namespace vitrail::train
