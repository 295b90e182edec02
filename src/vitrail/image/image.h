#pragma once
// Pictures and label maps in host memory: 8-bit RGB (or grey) pixels, and one class index per pixel.
//
//   Image photo = read_image("street.jpg");             // RGB, H x W x 3, interleaved
//   LabelMap labels = read_label_map("street.png");     // indices, never colours; the palette is kept beside
//   them write_label_map("out.png", labels, palette);        // an indexed PNG that any viewer shows in
//   colour
//
// Coordinates: x to the right, y down, pixel (x, y) covers [x, x+1) x [y, y+1). Sizes are in pixels.

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

/// 8-bit interleaved pixels: `channels` values per pixel, rows from the top, no padding. The first three are
/// R, G, B; what may follow says channels.h.
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 3;
  std::vector<uint8_t> pixels;  ///< height * width * channels values in 0..255

  Image() = default;
  Image(int64_t h, int64_t w, int64_t c = 3, uint8_t fill = 0)
      : height(h), width(w), channels(c), pixels(static_cast<size_t>(h * w * c), fill) {}
  uint8_t* at(int64_t y, int64_t x) { return pixels.data() + (y * width + x) * channels; }
  const uint8_t* at(int64_t y, int64_t x) const { return pixels.data() + (y * width + x) * channels; }
};

/// A class index per pixel. `ignore_label` marks pixels that have no class.
struct LabelMap {
  static constexpr uint16_t ignore_label = 255;

  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint16_t> labels;  ///< height * width values, rows from the top

  LabelMap() = default;
  LabelMap(int64_t h, int64_t w, uint16_t fill = 0)
      : height(h), width(w), labels(static_cast<size_t>(h * w), fill) {}
  uint16_t& at(int64_t y, int64_t x) { return labels[static_cast<size_t>(y * width + x)]; }
  uint16_t at(int64_t y, int64_t x) const { return labels[static_cast<size_t>(y * width + x)]; }
};

using Rgb = std::array<uint8_t, 3>;

/// The largest picture that is decoded, in pixels: a header that claims more is refused before memory is
/// taken.
constexpr int64_t max_image_pixels = int64_t{1} << 29;

}  // namespace vitrail
