#pragma once
// Pictures and image files for tests: smooth ones (as photos are), noise, and PNG files of every kind that
// libpng can write but Vitrail does not.

#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <png.h>

#include "noise_image.h"
#include "vitrail/base/random.h"
#include "vitrail/image/image.h"

namespace vitrail {

inline Image smooth_image(int64_t height, int64_t width) {
  Image image(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        image.at(y, x)[c] =
            static_cast<uint8_t>(127.5 + 120 * std::sin(0.13 * static_cast<double>(x + 3 * c)) *
                                             std::cos(0.09 * static_cast<double>(y)));
  return image;
}

inline LabelMap random_labels(int64_t height, int64_t width, int64_t largest, Random& random) {
  LabelMap labels(height, width);
  for (uint16_t& label : labels.labels)
    label = static_cast<uint16_t>(random.integer(0, largest));
  return labels;
}

struct PngKind {
  int bit_depth = 8;
  int color_type = PNG_COLOR_TYPE_GRAY;
  bool interlaced = false;
  bool transparent = false;  ///< with a tRNS chunk

  int channels() const {
    const int colors =
        (color_type & PNG_COLOR_MASK_COLOR) != 0 && color_type != PNG_COLOR_TYPE_PALETTE ? 3 : 1;
    return colors + ((color_type & PNG_COLOR_MASK_ALPHA) != 0 ? 1 : 0);
  }
};

/// A PNG of `values` (height * width * channels numbers below 2^bit_depth), as libpng writes it.
inline std::string png_file(const PngKind& kind, int64_t height, int64_t width,
                            const std::vector<uint16_t>& values, const std::vector<Rgb>& palette = {}) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  const auto per_row = static_cast<size_t>(width * kind.channels());
  const bool wide = kind.bit_depth == 16;
  std::vector<uint8_t> data;  // big-endian where there are two bytes
  for (const uint16_t value : values) {
    if (wide) data.push_back(static_cast<uint8_t>(value >> 8));
    data.push_back(static_cast<uint8_t>(value & 255));
  }
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < static_cast<size_t>(height); ++y)
    rows.push_back(data.data() + y * per_row * (wide ? 2 : 1));
  if (setjmp(png_jmpbuf(png)) != 0) throw std::runtime_error("the test's PNG could not be written");
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep from, size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<const char*>(from), size);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), kind.bit_depth,
               kind.color_type, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!palette.empty()) {
    png_color colors[256] = {};
    for (size_t i = 0; i < palette.size(); ++i)
      colors[i] = {palette[i][0], palette[i][1], palette[i][2]};
    png_set_PLTE(png, info, colors, static_cast<int>(palette.size()));
  }
  if (kind.transparent) {
    png_byte alpha[2] = {0, 128};
    png_color_16 color{};
    png_set_tRNS(png, info, alpha, kind.color_type == PNG_COLOR_TYPE_PALETTE ? 2 : 1, &color);
  }
  png_write_info(png, info);
  png_set_packing(png);
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

inline void append_big_endian(std::string& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 255);
}

/// A PNG chunk with its checksum.
inline std::string png_chunk(const std::string& type, const std::string& data) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : type + data) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  std::string chunk;
  append_big_endian(chunk, static_cast<uint32_t>(data.size()));
  chunk += type + data;
  append_big_endian(chunk, ~crc);
  return chunk;
}

/// An EXIF block that holds the orientation alone, in either byte order.
inline std::string exif_block(int orientation, bool big_endian) {
  const auto number = [&](uint32_t value, int size) {
    std::string text;
    for (int i = 0; i < size; ++i)
      text += static_cast<char>(value >> 8 * (big_endian ? size - 1 - i : i) & 255);
    return text;
  };
  return (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(1, 2) + number(274, 2) +
         number(3, 2) + number(1, 4) + number(static_cast<uint32_t>(orientation), 2) + number(0, 2) +
         number(0, 4);
}

/// `jpeg` with an APP1 marker that says `orientation`.
inline std::string with_exif(const std::string& jpeg, int orientation, bool big_endian) {
  const std::string data = std::string("Exif\0\0", 6) + exif_block(orientation, big_endian);
  const size_t size = data.size() + 2;
  std::string marker{'\xFF', '\xE1', static_cast<char>(size >> 8), static_cast<char>(size & 255)};
  return jpeg.substr(0, 2) + marker + data + jpeg.substr(2);
}

}  // namespace vitrail
