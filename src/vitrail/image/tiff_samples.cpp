#include "vitrail/image/tiff_samples.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <tiffio.h>

namespace vitrail {
namespace {

constexpr int64_t largest_tile = int64_t{1} << 24;  // pixels; larger ones only on larger pages

/// Strips or tiles: pieces of the page that are decoded at once.
struct Blocks {
  bool tiled = false;
  bool separate = false;  // one plane after the other, not pixel by pixel
  int64_t height = 0, width = 0;
  int64_t bytes = 0, row_bytes = 0;
};

Blocks blocks_of(TIFF* file, const TiffSamples& samples) {
  Blocks blocks;
  uint16_t planar = PLANARCONFIG_CONTIG;
  TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &planar);
  blocks.separate = planar == PLANARCONFIG_SEPARATE;
  blocks.tiled = TIFFIsTiled(file) != 0;
  uint32_t height = 0, width = static_cast<uint32_t>(samples.width);
  if (blocks.tiled) {
    TIFFGetField(file, TIFFTAG_TILELENGTH, &height);
    TIFFGetField(file, TIFFTAG_TILEWIDTH, &width);
    blocks.bytes = TIFFTileSize(file);
    blocks.row_bytes = TIFFTileRowSize(file);
  } else {
    TIFFGetFieldDefaulted(file, TIFFTAG_ROWSPERSTRIP, &height);
    height = std::min(height, static_cast<uint32_t>(samples.height));
    blocks.bytes = TIFFStripSize(file);
    blocks.row_bytes = TIFFScanlineSize(file);
  }
  blocks.height = height;
  blocks.width = width;
  return blocks;
}

/// Whether a block holds what its sides promise, and is no larger than a page can ask for.
bool are_sound(const Blocks& blocks, const TiffSamples& samples) {
  if (blocks.height < 1 || blocks.width < 1) return false;
  const int64_t page = samples.height * samples.width;
  if (blocks.height > std::max(largest_tile, page) / blocks.width) return false;
  const int64_t per_pixel = blocks.separate ? 1 : samples.stored;
  return blocks.row_bytes == blocks.width * per_pixel * (samples.bits / 8) &&
         blocks.bytes == blocks.height * blocks.row_bytes;
}

class Reader {
 public:
  Reader(TIFF* file, const TiffSamples& samples, const Blocks& blocks)
      : file_(file), samples_(samples), blocks_(blocks), channels_(std::ssize(samples.kept)) {
    image_.height = samples.height;
    image_.width = samples.width;
    image_.channels = channels_;
    block_.reset(new uint8_t[static_cast<size_t>(blocks.bytes)]);  // costs nothing before it is written
  }

  std::optional<Image> read() {
    for (int64_t y = 0; y < samples_.height; y += blocks_.height)
      for (int64_t x = 0; x < samples_.width; x += blocks_.width)
        if (!read_block(y, x)) return std::nullopt;
    return std::move(image_);
  }

 private:
  bool read_block(int64_t y, int64_t x) {
    const int64_t rows = std::min(blocks_.height, samples_.height - y);
    const int64_t columns = std::min(blocks_.width, samples_.width - x);
    if (!blocks_.separate) {
      if (!decode(y, x, 0, rows)) return false;
      for (int64_t c = 0; c < channels_; ++c)
        place(y, x, rows, columns, samples_.kept[static_cast<size_t>(c)], samples_.stored, c);
      return true;
    }
    for (int64_t c = 0; c < channels_; ++c) {
      if (!decode(y, x, samples_.kept[static_cast<size_t>(c)], rows)) return false;
      place(y, x, rows, columns, 0, 1, c);
    }
    return true;
  }

  bool decode(int64_t y, int64_t x, int64_t plane, int64_t rows) {
    const auto sample = static_cast<uint16_t>(plane);
    const auto row = static_cast<uint32_t>(y), column = static_cast<uint32_t>(x);
    const tmsize_t read = blocks_.tiled
                              ? TIFFReadEncodedTile(file_, TIFFComputeTile(file_, column, row, 0, sample),
                                                    block_.get(), static_cast<tmsize_t>(blocks_.bytes))
                              : TIFFReadEncodedStrip(file_, TIFFComputeStrip(file_, row, sample),
                                                     block_.get(), static_cast<tmsize_t>(blocks_.bytes));
    return read >= rows * blocks_.row_bytes;
  }

  uint8_t value_at(const uint8_t* from) const {
    if (samples_.bits == 8) return *from;
    uint16_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return static_cast<uint8_t>((value + 128) / 257);  // 0..65535 to 0..255, as libtiff's own reader
  }

  void place(int64_t y, int64_t x, int64_t rows, int64_t columns, int64_t sample, int64_t stride, int64_t c) {
    const size_t reached = static_cast<size_t>((y + rows) * samples_.width * channels_);
    if (image_.pixels.size() < reached) image_.pixels.resize(reached);
    const int64_t bytes = samples_.bits / 8;
    for (int64_t r = 0; r < rows; ++r) {
      const uint8_t* from = block_.get() + r * blocks_.row_bytes + sample * bytes;
      uint8_t* to = image_.at(y + r, x) + c;
      for (int64_t i = 0; i < columns; ++i, from += stride * bytes, to += channels_)
        *to = value_at(from);
    }
  }

  TIFF* file_;
  const TiffSamples& samples_;
  const Blocks blocks_;
  const int64_t channels_;
  std::unique_ptr<uint8_t[]> block_;
  Image image_;
};

}  // namespace

std::optional<Image> read_tiff_samples(tiff* file, const TiffSamples& samples) {
  const Blocks blocks = blocks_of(file, samples);
  if (!are_sound(blocks, samples)) return std::nullopt;
  return Reader(file, samples, blocks).read();
}

}  // namespace vitrail
