#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/byte_reader.h"
#include "vitrail/image/limits.h"
#include "vitrail/image/plain_codecs.h"

namespace vitrail {
namespace {

constexpr uint64_t plain = 0, with_masks = 3, with_alpha_masks = 6;

struct Bmp {
  int64_t height = 0;
  int64_t width = 0;
  bool from_top = false;  ///< rows are stored from the bottom unless the height is negative
  int bits = 0;           ///< per pixel
  uint64_t pixels_at = 0;
  uint64_t palette_at = 0;
  uint64_t palette_entry = 4;  ///< bytes
  uint64_t palette_size = 0;
  std::array<uint32_t, 3> masks{};  ///< R, G, B of 16 and 32-bit pixels
};

[[noreturn]] void throw_damaged(const std::string& name, const std::string& what) {
  throw Error(
      ErrorKind::format,
      {.where = name, .found = cat("damaged BMP (", what, ")"), .next = "Copy or export the file again"});
}

void check_compression(uint64_t compression, int bits, const std::string& name) {
  const bool masks_fit = bits == 16 || bits == 32;
  if (compression == plain || ((compression == with_masks || compression == with_alpha_masks) && masks_fit))
    return;
  throw Error(ErrorKind::unsupported, {.where = name,
                                       .found = cat("a compressed BMP (method ", compression, ")"),
                                       .allowed = "BMPs without compression are read",
                                       .next = "Convert it to PNG"});
}

std::array<uint32_t, 3> masks_of(const ByteReader& reader, uint64_t compression, int bits) {
  if (compression == plain && bits == 16) return {0x7C00, 0x03E0, 0x001F};
  if (compression == plain) return {0xFF0000, 0x00FF00, 0x0000FF};
  return {static_cast<uint32_t>(reader.u32(54)), static_cast<uint32_t>(reader.u32(58)),
          static_cast<uint32_t>(reader.u32(62))};
}

// The OS/2 header (12 bytes) has 16-bit sizes, palette entries of 3 bytes, and nothing more.
Bmp read_old_header(const ByteReader& reader) {
  return {.height = static_cast<int64_t>(reader.u16(20)),
          .width = static_cast<int64_t>(reader.u16(18)),
          .bits = static_cast<int>(reader.u16(24)),
          .pixels_at = reader.u32(10),
          .palette_at = 26,
          .palette_entry = 3,
          .masks = masks_of(reader, plain, static_cast<int>(reader.u16(24)))};
}

Bmp read_header(std::string_view bytes, const std::string& name) {
  const ByteReader reader(bytes, ByteOrder::little);
  const uint64_t header_size = reader.u32(14);
  if (header_size != 12 && (header_size < 40 || header_size > 1024)) throw_damaged(name, "no header");
  Bmp bmp;
  if (header_size == 12) {
    bmp = read_old_header(reader);
  } else {
    const auto height = static_cast<int32_t>(reader.u32(22));
    const uint64_t compression = reader.u32(30);
    bmp = {.height = std::abs(int64_t{height}),
           .width = static_cast<int32_t>(reader.u32(18)),
           .from_top = height < 0,
           .bits = static_cast<int>(reader.u16(28)),
           .pixels_at = reader.u32(10),
           .palette_at = 14 + header_size,
           .palette_size = reader.u32(46)};
    check_compression(compression, bmp.bits, name);
    bmp.masks = masks_of(reader, compression, bmp.bits);
  }
  constexpr std::array<int, 6> known_bits{1, 4, 8, 16, 24, 32};
  if (std::find(known_bits.begin(), known_bits.end(), bmp.bits) == known_bits.end())
    throw_damaged(name, cat(bmp.bits, " bits per pixel"));
  const uint64_t most = uint64_t{1} << std::min(bmp.bits, 8);
  if (bmp.palette_size == 0 || bmp.palette_size > most) bmp.palette_size = most;
  return bmp;
}

// Row padding to 4 bytes; the last row's may be missing.
int64_t stride_of(const Bmp& bmp) {
  return ceil_div(bmp.width * bmp.bits, 32) * 4;
}

void check_fits(const Bmp& bmp, size_t bytes, const std::string& name) {
  const int64_t rows = checked_mul(stride_of(bmp), bmp.height - 1, "a BMP's size");
  const int64_t needed = rows + ceil_div(bmp.width * bmp.bits, 8);
  if (bmp.pixels_at > bytes || needed > static_cast<int64_t>(bytes - bmp.pixels_at))
    throw_too_few_bytes(name, bmp.height, bmp.width, bytes);
}

uint8_t scaled(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const uint32_t largest = mask >> std::countr_zero(mask);
  const uint64_t value = (pixel & mask) >> std::countr_zero(mask);
  return static_cast<uint8_t>((value * 255 + largest / 2) / largest);
}

Rgb palette_color(const Bmp& bmp, const ByteReader& reader, uint64_t index, const std::string& name) {
  if (index >= bmp.palette_size)
    throw_damaged(name, cat("colour ", index, " of a palette of ", bmp.palette_size));
  const uint64_t at = bmp.palette_at + index * bmp.palette_entry;
  return {static_cast<uint8_t>(reader.u8(at + 2)), static_cast<uint8_t>(reader.u8(at + 1)),
          static_cast<uint8_t>(reader.u8(at))};
}

Rgb pixel_color(const Bmp& bmp, const ByteReader& reader, uint64_t row, uint64_t x, const std::string& name) {
  switch (bmp.bits) {
    case 24: {
      const auto packed = static_cast<uint32_t>(reader.u24(row + 3 * x));
      return {uint8_t(packed >> 16), uint8_t(packed >> 8), uint8_t(packed)};
    }
    case 16:
    case 32: {
      const auto packed =
          static_cast<uint32_t>(bmp.bits == 16 ? reader.u16(row + 2 * x) : reader.u32(row + 4 * x));
      return {scaled(packed, bmp.masks[0]), scaled(packed, bmp.masks[1]), scaled(packed, bmp.masks[2])};
    }
    default: {
      const uint64_t bit = x * static_cast<uint64_t>(bmp.bits);
      const auto shift = 8 - static_cast<uint64_t>(bmp.bits) - bit % 8;
      const uint64_t index = reader.u8(row + bit / 8) >> shift & ((uint64_t{1} << bmp.bits) - 1);
      return palette_color(bmp, reader, index, name);
    }
  }
}

}  // namespace

ImageInfo bmp_info(std::string_view bytes, const std::string& name) {
  const Bmp bmp = read_header(bytes, name);
  ImageInfo info{.size = {bmp.height, bmp.width}, .format = "bmp", .channels = 3, .bit_depth = 8};
  if (bmp.bits <= 8) info.channels = 1, info.bit_depth = bmp.bits, info.palette = true;
  return info;
}

Image decode_bmp(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const Bmp bmp = read_header(bytes, name);
  check_pixel_limit(name, bmp.height, bmp.width, max_pixels);
  check_fits(bmp, bytes.size(), name);
  const ByteReader reader(bytes, ByteOrder::little);
  Image image(bmp.height, bmp.width);
  for (int64_t y = 0; y < bmp.height; ++y) {
    const int64_t stored_y = bmp.from_top ? y : bmp.height - 1 - y;
    const uint64_t row = bmp.pixels_at + static_cast<uint64_t>(stored_y * stride_of(bmp));
    for (int64_t x = 0; x < bmp.width; ++x) {
      const Rgb color = pixel_color(bmp, reader, row, static_cast<uint64_t>(x), name);
      std::copy(color.begin(), color.end(), image.at(y, x));
    }
  }
  return image;
}

}  // namespace vitrail
