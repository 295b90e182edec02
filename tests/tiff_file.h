#pragma once
// TIFF files of many samples per pixel for tests.
//
//   write_tiff(folder / "bands.tif", noise_image(40, 50, 7, 1), {.bits = 16, .tiled = true});

#include <algorithm>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <tiffio.h>

#include "vitrail/image/image.h"

namespace vitrail {

struct TiffKind {
  int bits = 8;  ///< 16: each value times 257
  bool separate = false;
  bool tiled = false;
  uint16_t photometric = PHOTOMETRIC_MINISBLACK;
  std::vector<uint16_t> extra = {};  ///< what the last samples mean
  uint16_t compression = COMPRESSION_NONE;
  uint16_t format = SAMPLEFORMAT_UINT;
  int64_t rows_per_strip = 5;
};

/// One strip's or tile's rows of `image` as they stand in the file; beyond the picture 0.
inline std::vector<uint8_t> tiff_block(const Image& image, const TiffKind& kind, int64_t y, int64_t x,
                                       int64_t height, int64_t width, int64_t plane) {
  std::vector<uint8_t> bytes;
  for (int64_t row = y; row < y + height; ++row)
    for (int64_t column = x; column < x + width; ++column)
      for (int64_t c = kind.separate ? plane : 0; c < (kind.separate ? plane + 1 : image.channels); ++c) {
        const bool inside = row < image.height && column < image.width;
        // 257 times a byte is that byte twice, in any byte order.
        bytes.insert(bytes.end(), static_cast<size_t>(kind.bits / 8), inside ? image.at(row, column)[c] : 0);
      }
  return bytes;
}

inline void write_tiff(const std::filesystem::path& path, const Image& image, const TiffKind& kind = {}) {
  TIFF* file = TIFFOpen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  constexpr int64_t side = 16;  // of tiles
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, static_cast<uint32_t>(image.width));
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, static_cast<uint32_t>(image.height));
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, static_cast<uint16_t>(image.channels));
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, static_cast<uint16_t>(kind.bits));
  TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, kind.format);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, kind.photometric);
  TIFFSetField(file, TIFFTAG_COMPRESSION, kind.compression);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, kind.separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  if (!kind.extra.empty())
    TIFFSetField(file, TIFFTAG_EXTRASAMPLES, static_cast<uint16_t>(kind.extra.size()), kind.extra.data());
  if (kind.tiled) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, static_cast<uint32_t>(side));
    TIFFSetField(file, TIFFTAG_TILELENGTH, static_cast<uint32_t>(side));
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, static_cast<uint32_t>(kind.rows_per_strip));
  }
  const int64_t height = kind.tiled ? side : kind.rows_per_strip, width = kind.tiled ? side : image.width;
  for (int64_t plane = 0; plane < (kind.separate ? image.channels : 1); ++plane)
    for (int64_t y = 0; y < image.height; y += height)
      for (int64_t x = 0; x < image.width; x += width) {
        const int64_t rows = kind.tiled ? side : std::min(height, image.height - y);
        std::vector<uint8_t> bytes = tiff_block(image, kind, y, x, rows, width, plane);
        const auto row = static_cast<uint32_t>(y), column = static_cast<uint32_t>(x);
        const auto sample = static_cast<uint16_t>(plane);
        const auto size = static_cast<tmsize_t>(bytes.size());
        const tmsize_t written =
            kind.tiled ? TIFFWriteEncodedTile(file, TIFFComputeTile(file, column, row, 0, sample),
                                              bytes.data(), size)
                       : TIFFWriteEncodedStrip(file, TIFFComputeStrip(file, row, sample), bytes.data(), size);
        ASSERT_EQ(written, size);
      }
  TIFFClose(file);
}

}  // namespace vitrail
