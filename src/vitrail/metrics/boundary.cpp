#include "vitrail/metrics/boundary.h"

#include <algorithm>
#include <cmath>

namespace vitrail {
namespace {

/// Clears what is within `width` of the ends of each run of set pixels. `count` lines of `length` pixels.
void shorten_runs(uint8_t* pixels, int64_t count, int64_t line_step, int64_t length, int64_t pixel_step,
                  int64_t width) {
  for (int64_t line = 0; line < count; ++line) {
    uint8_t* at = pixels + line * line_step;
    for (int64_t begin = 0; begin < length;) {
      int64_t end = begin;
      while (end < length && at[end * pixel_step] != 0)
        ++end;
      for (int64_t i = begin; i < end; ++i)
        if (i - begin < width || end - i <= width) at[i * pixel_step] = 0;
      begin = end + 1;
    }
  }
}

}  // namespace

int64_t rim_width(int64_t height, int64_t width, double share) {
  const double diagonal = std::sqrt(static_cast<double>(height * height + width * width));
  return std::max<int64_t>(1, static_cast<int64_t>(std::nearbyint(share * diagonal)));
}

Rle rim_of(const Rle& mask, int64_t width) {
  Mask core = decode_rle(mask);
  shorten_runs(core.pixels.data(), core.height, core.width, core.width, 1, width);
  shorten_runs(core.pixels.data(), core.width, 1, core.height, core.width, width);
  Mask rim = decode_rle(mask);
  for (size_t i = 0; i < rim.pixels.size(); ++i)
    rim.pixels[i] = static_cast<uint8_t>(rim.pixels[i] & ~core.pixels[i]);
  return encode_rle(rim);
}

}  // namespace vitrail
