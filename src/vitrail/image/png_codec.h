#pragma once
// PNG through libpng. Used by image_file.h and label_png.h, which are the places to read and write pictures
// and label maps from.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

struct PngHeader {
  int64_t height = 0;  ///< as stored, before the orientation
  int64_t width = 0;
  int bit_depth = 0;  ///< 1, 2, 4, 8 or 16
  int channels = 0;   ///< 1 grey or palette, 2 grey + alpha, 3 RGB, 4 RGBA
  bool palette = false;
};

bool is_png(std::string_view bytes);

/// Throws Error(format) naming `name` if the bytes are no PNG or its header is damaged.
PngHeader png_header(std::string_view bytes, const std::string& name);

/// EXIF orientation of a PNG (its eXIf chunk, wherever it is), 1..8.
int png_orientation(std::string_view bytes);

/// RGB, 8 bits, turned upright. Throws Error(limit) above `max_pixels`, Error(format) for a damaged file.
Image decode_png(std::string_view bytes, const std::string& name, int64_t max_pixels);

/// The stored numbers of a one-channel PNG (alpha dropped), and its palette. Not turned.
struct PngValues {
  std::vector<uint16_t> values;  ///< height * width
  std::vector<Rgb> colors;
};
PngValues decode_png_values(std::string_view bytes, const std::string& name, int64_t max_pixels);

/// PNG files of 8-bit grey or RGB, of 8-bit indices, of 16-bit grey. Sizes are already checked.
std::string encode_png_pixels(const Image& image);
std::string encode_png_indices(int64_t height, int64_t width, const std::vector<uint8_t>& indices,
                               std::span<const Rgb> palette);
std::string encode_png_grey16(int64_t height, int64_t width, const std::vector<uint16_t>& values);

}  // namespace vitrail
