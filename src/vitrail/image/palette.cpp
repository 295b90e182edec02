#include "vitrail/image/palette.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void check_count(int64_t n, int64_t most, std::string_view name) {
  if (n < 0 || n > most)
    throw Error(ErrorKind::usage,
                {.where = std::string(name), .found = cat(n, " colours"), .allowed = cat("0 to ", most)});
}

using Lab = std::array<double, 3>;

double linear_light(uint8_t value) {
  const double v = value / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

double lab_curve(double t) {
  constexpr double d = 6.0 / 29;
  return t > d * d * d ? std::cbrt(t) : t / (3 * d * d) + 4.0 / 29;
}

// CIE L*a*b* of an sRGB colour under D65.
Lab lab_of(const Rgb& rgb) {
  const double r = linear_light(rgb[0]), g = linear_light(rgb[1]), b = linear_light(rgb[2]);
  const double x = lab_curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = lab_curve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = lab_curve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double squared_distance(const Lab& a, const Lab& b) {
  double sum = 0;
  for (size_t i = 0; i < 3; ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// A 16x16x16 grid of colours, without those that vanish in shadows and lights.
std::vector<Rgb> candidate_colors() {
  std::vector<Rgb> colors;
  for (int r = 0; r < 256; r += 17)
    for (int g = 0; g < 256; g += 17)
      for (int b = 0; b < 256; b += 17) {
        const Rgb color{static_cast<uint8_t>(r), static_cast<uint8_t>(g), static_cast<uint8_t>(b)};
        const double lightness = lab_of(color)[0];
        if (lightness >= 25 && lightness <= 92) colors.push_back(color);
      }
  return colors;
}

}  // namespace

std::vector<Rgb> voc_palette(int64_t n) {
  check_count(n, int64_t{1} << 24, "voc_palette");
  std::vector<Rgb> palette(static_cast<size_t>(n));
  for (size_t label = 0; label < palette.size(); ++label)
    for (size_t c = 0; c < 3; ++c)
      for (size_t j = 0; j < 8; ++j)
        palette[label][c] |= static_cast<uint8_t>((label >> (3 * j + c) & 1) << (7 - j));
  return palette;
}

std::vector<Rgb> cityscapes_palette() {
  return {{128, 64, 128},  {244, 35, 232}, {70, 70, 70},  {102, 102, 156}, {190, 153, 153},
          {153, 153, 153}, {250, 170, 30}, {220, 220, 0}, {107, 142, 35},  {152, 251, 152},
          {70, 130, 180},  {220, 20, 60},  {255, 0, 0},   {0, 0, 142},     {0, 0, 70},
          {0, 60, 100},    {0, 80, 100},   {0, 0, 230},   {119, 11, 32}};
}

std::vector<Rgb> camvid_palette() {
  return {{128, 128, 128}, {128, 0, 0},   {192, 192, 128}, {128, 64, 128}, {0, 0, 192},  {128, 128, 0},
          {192, 128, 128}, {64, 64, 128}, {64, 0, 128},    {64, 64, 0},    {0, 128, 192}};
}

std::vector<Rgb> distinct_palette(int64_t n) {
  check_count(n, 1024, "distinct_palette");
  const std::vector<Rgb> candidates = candidate_colors();
  std::vector<Lab> labs;
  for (const Rgb& color : candidates)
    labs.push_back(lab_of(color));
  std::vector<double> nearest_chosen(candidates.size(), std::numeric_limits<double>::infinity());
  std::vector<Rgb> palette;
  size_t chosen = static_cast<size_t>(std::find(candidates.begin(), candidates.end(), Rgb{221, 51, 51}) -
                                      candidates.begin());
  while (static_cast<int64_t>(palette.size()) < n) {
    palette.push_back(candidates[chosen]);
    for (size_t i = 0; i < candidates.size(); ++i)
      nearest_chosen[i] = std::min(nearest_chosen[i], squared_distance(labs[i], labs[chosen]));
    const auto farthest = std::max_element(nearest_chosen.begin(), nearest_chosen.end());
    chosen = static_cast<size_t>(farthest - nearest_chosen.begin());
  }
  return palette;
}

}  // namespace vitrail
