#include "vitrail/image/png_codec.h"

#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>
#include <zlib.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/byte_reader.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/limits.h"

// libpng reports errors by a callback that must not return: it jumps out with longjmp. Every function below
// that calls setjmp therefore has no object with a destructor, and returns false after a jump; its callers
// throw.

namespace vitrail {
namespace {

constexpr std::string_view png_signature("\x89PNG\r\n\x1a\n", 8);

struct PngMessage {
  char text[256] = "";
};

[[noreturn]] void jump_out(png_structp png, png_const_charp text) {
  auto* message = static_cast<PngMessage*>(png_get_error_ptr(png));
  std::snprintf(message->text, sizeof message->text, "%s", text);
  png_longjmp(png, 1);
}

// Warnings concern colour profiles, texts and the like, never pixels.
void say_nothing(png_structp, png_const_charp) {}

struct PngReader {
  PngMessage message;
  std::string_view bytes;
  size_t offset = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;

  explicit PngReader(std::string_view file) : bytes(file) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, jump_out, say_nothing);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info != nullptr) return;
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw Error(ErrorKind::unsupported, {.found = "libpng could not be started"});
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

void read_bytes(png_structp png, png_bytep out, size_t size) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (size > reader->bytes.size() - reader->offset) png_error(png, "the file ends early");
  std::memcpy(out, reader->bytes.data() + reader->offset, size);
  reader->offset += size;
}

bool read_info(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(reader.png, reader.info);
  return true;
}

enum class PngOutput { rgb, values };

void ask_for_rgb(PngReader& reader) {
  const int color_type = png_get_color_type(reader.png, reader.info);
  if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  if (color_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(reader.png);
  png_set_strip_16(reader.png);
  png_set_strip_alpha(reader.png);
  if (color_type == PNG_COLOR_TYPE_GRAY || color_type == PNG_COLOR_TYPE_GRAY_ALPHA)
    png_set_gray_to_rgb(reader.png);
}

void ask_for_values(PngReader& reader) {
  png_set_packing(reader.png);
  png_set_strip_alpha(reader.png);
  if constexpr (std::endian::native == std::endian::little) png_set_swap(reader.png);
}

bool read_pixels(PngReader& reader, PngOutput output, size_t row_bytes, uint8_t* out) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  output == PngOutput::rgb ? ask_for_rgb(reader) : ask_for_values(reader);
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "rows of another length");
  const size_t height = png_get_image_height(reader.png, reader.info);
  for (int pass = 0; pass < passes; ++pass)
    for (size_t y = 0; y < height; ++y)
      png_read_row(reader.png, out + y * row_bytes, nullptr);
  png_read_end(reader.png, nullptr);
  return true;
}

[[noreturn]] void throw_damaged(const PngMessage& message, const std::string& name) {
  throw Error(ErrorKind::format, {.where = name,
                                  .found = cat("damaged PNG (", message.text, ")"),
                                  .next = "Copy or export the file again"});
}

// Deflate can shrink a row's bytes to 1/1032 at the most.
void check_fits(const PngHeader& header, size_t bytes, const std::string& name) {
  const double row_bits = static_cast<double>(header.width) * header.channels * header.bit_depth;
  if (static_cast<double>(header.height) * (row_bits / 8) > 1032.0 * static_cast<double>(bytes))
    throw_too_few_bytes(name, header.height, header.width, bytes);
}

PngHeader checked_header(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const PngHeader header = png_header(bytes, name);
  check_pixel_limit(name, header.height, header.width, max_pixels);
  check_fits(header, bytes.size(), name);
  return header;
}

std::vector<Rgb> palette_of(const PngReader& reader) {
  png_colorp colors = nullptr;
  int count = 0;
  if (png_get_PLTE(reader.png, reader.info, &colors, &count) == 0) return {};
  std::vector<Rgb> palette;
  for (int i = 0; i < count; ++i)
    palette.push_back({colors[i].red, colors[i].green, colors[i].blue});
  return palette;
}

int channels_of(uint64_t color_type) {
  if (color_type == PNG_COLOR_TYPE_RGB) return 3;
  if (color_type == PNG_COLOR_TYPE_RGB_ALPHA) return 4;
  return color_type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2 : 1;
}

}  // namespace

bool is_png(std::string_view bytes) {
  return bytes.starts_with(png_signature);
}

PngHeader png_header(std::string_view bytes, const std::string& name) {
  const ByteReader reader(bytes, ByteOrder::big);
  if (!is_png(bytes) || bytes.size() < 33 || bytes.substr(12, 4) != "IHDR" || reader.u32(8) != 13)
    throw Error(ErrorKind::format,
                {.where = name, .found = "damaged PNG (no header)", .next = "Copy or export the file again"});
  return {.height = static_cast<int64_t>(reader.u32(20)),
          .width = static_cast<int64_t>(reader.u32(16)),
          .bit_depth = static_cast<int>(reader.u8(24)),
          .channels = channels_of(reader.u8(25)),
          .palette = reader.u8(25) == PNG_COLOR_TYPE_PALETTE};
}

int png_orientation(std::string_view bytes) {
  const ByteReader reader(bytes, ByteOrder::big);
  size_t chunk = png_signature.size();
  while (chunk + 12 <= bytes.size()) {
    const uint64_t length = reader.u32(chunk);
    if (length > bytes.size() - chunk - 12) return 1;
    if (bytes.substr(chunk + 4, 4) == "eXIf") return exif_orientation(bytes.substr(chunk + 8, length));
    chunk += 12 + length;
  }
  return 1;
}

Image decode_png(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const PngHeader header = checked_header(bytes, name, max_pixels);
  PngReader reader(bytes);
  if (!read_info(reader)) throw_damaged(reader.message, name);
  Image image(header.height, header.width);
  if (!read_pixels(reader, PngOutput::rgb, static_cast<size_t>(3 * header.width), image.pixels.data()))
    throw_damaged(reader.message, name);
  return oriented(std::move(image), png_orientation(bytes));
}

PngValues decode_png_values(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const PngHeader header = checked_header(bytes, name, max_pixels);
  PngReader reader(bytes);
  if (!read_info(reader)) throw_damaged(reader.message, name);
  PngValues result;
  const auto width = static_cast<size_t>(header.width), count = static_cast<size_t>(header.height) * width;
  result.values.resize(count);
  if (header.bit_depth == 16) {
    auto* out = reinterpret_cast<uint8_t*>(result.values.data());
    if (!read_pixels(reader, PngOutput::values, 2 * width, out)) throw_damaged(reader.message, name);
  } else {
    std::vector<uint8_t> narrow(count);
    if (!read_pixels(reader, PngOutput::values, width, narrow.data())) throw_damaged(reader.message, name);
    result.values.assign(narrow.begin(), narrow.end());
  }
  if (header.palette) result.colors = palette_of(reader);
  return result;
}

namespace {

struct PngWriter {
  PngMessage message;
  std::string bytes;
  png_structp png = nullptr;
  png_infop info = nullptr;

  PngWriter() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, jump_out, say_nothing);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info != nullptr) return;
    png_destroy_write_struct(&png, nullptr);
    throw Error(ErrorKind::unsupported, {.found = "libpng could not be started"});
  }
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
};

bool append(std::string& bytes, png_bytep data, size_t size) {
  try {
    bytes.append(reinterpret_cast<const char*>(data), size);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void write_bytes(png_structp png, png_bytep data, size_t size) {
  if (!append(static_cast<PngWriter*>(png_get_io_ptr(png))->bytes, data, size))
    png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

struct PngLayout {
  int64_t height = 0;
  int64_t width = 0;
  int bit_depth = 8;
  int color_type = PNG_COLOR_TYPE_GRAY;
  size_t row_bytes = 0;
  std::span<const Rgb> palette;
  bool long_runs = false;  ///< each row is mostly runs, and mostly like the row above
};

void write_palette(PngWriter& writer, std::span<const Rgb> palette) {
  png_color colors[256] = {};
  for (size_t i = 0; i < palette.size(); ++i)
    colors[i] = {palette[i][0], palette[i][1], palette[i][2]};
  png_set_PLTE(writer.png, writer.info, colors, static_cast<int>(palette.size()));
}

bool write_rows(PngWriter& writer, const PngLayout& layout, const uint8_t* rows) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  png_set_write_fn(writer.png, &writer, write_bytes, flush_nothing);
  png_set_user_limits(writer.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  if (layout.long_runs) {
    // Differences from the row above, run lengths alone: a third of the default's time, and no larger.
    png_set_filter(writer.png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_set_compression_level(writer.png, 1);
    png_set_compression_strategy(writer.png, Z_RLE);
  }
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(layout.width),
               static_cast<png_uint_32>(layout.height), layout.bit_depth, layout.color_type,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!layout.palette.empty()) write_palette(writer, layout.palette);
  png_write_info(writer.png, writer.info);
  if (layout.bit_depth == 16 && std::endian::native == std::endian::little) png_set_swap(writer.png);
  for (int64_t y = 0; y < layout.height; ++y)
    png_write_row(writer.png, rows + static_cast<size_t>(y) * layout.row_bytes);
  png_write_end(writer.png, nullptr);
  return true;
}

std::string encode(const PngLayout& layout, const uint8_t* rows) {
  PngWriter writer;
  if (!write_rows(writer, layout, rows))
    throw Error(ErrorKind::unsupported, {.where = "encode_png", .found = writer.message.text});
  return std::move(writer.bytes);
}

}  // namespace

std::string encode_png_pixels(const Image& image) {
  return encode({.height = image.height,
                 .width = image.width,
                 .color_type = image.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 .row_bytes = static_cast<size_t>(image.width * image.channels)},
                image.pixels.data());
}

std::string encode_png_indices(int64_t height, int64_t width, const std::vector<uint8_t>& indices,
                               std::span<const Rgb> palette) {
  return encode({.height = height,
                 .width = width,
                 .color_type = PNG_COLOR_TYPE_PALETTE,
                 .row_bytes = static_cast<size_t>(width),
                 .palette = palette,
                 .long_runs = true},
                indices.data());
}

std::string encode_png_grey16(int64_t height, int64_t width, const std::vector<uint16_t>& values) {
  return encode(
      {.height = height, .width = width, .bit_depth = 16, .row_bytes = static_cast<size_t>(2 * width)},
      reinterpret_cast<const uint8_t*>(values.data()));
}

}  // namespace vitrail
