#include "vitrail/image/tiff_codec.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>

#include <tiffio.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/limits.h"

namespace vitrail {
namespace {

// libtiff's callbacks: a file in memory, and messages that are kept instead of printed.
struct TiffMemory {
  std::string_view bytes;
  uint64_t offset = 0;
  char message[256] = "";
};

tmsize_t read_bytes(thandle_t handle, void* out, tmsize_t size) {
  auto& memory = *static_cast<TiffMemory*>(handle);
  const uint64_t left = memory.bytes.size() - std::min<uint64_t>(memory.offset, memory.bytes.size());
  const uint64_t count = std::min(left, static_cast<uint64_t>(std::max<tmsize_t>(size, 0)));
  if (count > 0) std::memcpy(out, memory.bytes.data() + memory.offset, count);
  memory.offset += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) {
  return -1;
}

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto& memory = *static_cast<TiffMemory*>(handle);
  if (whence == SEEK_CUR) offset += memory.offset;
  if (whence == SEEK_END) offset += memory.bytes.size();
  memory.offset = offset;
  return offset;
}

int close_nothing(thandle_t) {
  return 0;
}

toff_t size_of(thandle_t handle) {
  return static_cast<TiffMemory*>(handle)->bytes.size();
}

int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto& memory = *static_cast<TiffMemory*>(user);
  // The first message names the cause, later ones its consequences.
  if (memory.message[0] == '\0') std::vsnprintf(memory.message, sizeof memory.message, format, arguments);
  return 1;
}

int drop_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

struct TiffCloser {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffFile = std::unique_ptr<TIFF, TiffCloser>;

[[noreturn]] void throw_damaged(const TiffMemory& memory, const std::string& name) {
  throw Error(ErrorKind::format, {.where = name,
                                  .found = cat("damaged or unusual TIFF (", memory.message, ")"),
                                  .next = "Copy the file again, or convert it to PNG"});
}

// No single buffer (a strip, a tile, a table of offsets) may be larger than the largest picture's pixels.
TiffFile open_tiff(TiffMemory& memory, const std::string& name, int64_t max_pixels) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  if (options == nullptr) throw std::bad_alloc();
  constexpr int64_t most_pixels = std::numeric_limits<tmsize_t>::max() / 16;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                      8 * std::clamp<int64_t>(max_pixels, 1 << 20, most_pixels));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), drop_warning, &memory);
  // "m": not mapped; the bytes are in memory already.
  TiffFile tiff(TIFFClientOpenExt("picture", "rm", &memory, read_bytes, write_nothing, seek, close_nothing,
                                  size_of, nullptr, nullptr, options.get()));
  if (tiff == nullptr) throw_damaged(memory, name);
  return tiff;
}

struct TiffHeader {
  uint32_t height = 0;
  uint32_t width = 0;
  uint16_t channels = 1;
  uint16_t bits = 1;
  uint16_t orientation = 1;
  uint16_t photometric = 0;
};

TiffHeader header_of(TIFF* tiff) {
  TiffHeader header;
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &header.height);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &header.width);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &header.channels);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &header.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &header.orientation);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &header.photometric);
  return header;
}

Image rgb_from_packed(const uint32_t* packed, int64_t height, int64_t width) {
  Image image(height, width);
  for (int64_t i = 0; i < height * width; ++i) {
    uint8_t* rgb = image.pixels.data() + 3 * i;
    rgb[0] = static_cast<uint8_t>(TIFFGetR(packed[i]));
    rgb[1] = static_cast<uint8_t>(TIFFGetG(packed[i]));
    rgb[2] = static_cast<uint8_t>(TIFFGetB(packed[i]));
  }
  return image;
}

}  // namespace

bool is_tiff(std::string_view bytes) {
  constexpr std::string_view little("II*\0", 4), big("MM\0*", 4), big_tiff_little("II+\0", 4),
      big_tiff_big("MM\0+", 4);
  return bytes.starts_with(little) || bytes.starts_with(big) || bytes.starts_with(big_tiff_little) ||
         bytes.starts_with(big_tiff_big);
}

ImageInfo tiff_info(std::string_view bytes, const std::string& name) {
  TiffMemory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, name, max_image_pixels);
  const TiffHeader header = header_of(tiff.get());
  const bool turned = orientation_transposes(header.orientation);
  return {.size = {turned ? header.width : header.height, turned ? header.height : header.width},
          .format = "tiff",
          .channels = header.channels,
          .bit_depth = header.bits,
          .palette = header.photometric == PHOTOMETRIC_PALETTE};
}

int64_t tiff_pages(std::string_view bytes, const std::string& name) {
  TiffMemory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, name, max_image_pixels);
  return TIFFNumberOfDirectories(tiff.get());
}

Image decode_tiff(std::string_view bytes, const std::string& name, int64_t max_pixels, int64_t page) {
  TiffMemory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, name, max_pixels);
  if (page != 0 && TIFFSetDirectory(tiff.get(), static_cast<tdir_t>(page)) == 0) throw_damaged(memory, name);
  const TiffHeader header = header_of(tiff.get());
  check_pixel_limit(name, header.height, header.width, max_pixels);
  // libtiff would mirror but not turn: let it see an upright picture, and do both ourselves.
  TIFFSetField(tiff.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  // Left uninitialised, so that a file that ends early costs no memory.
  const std::unique_ptr<uint32_t[]> packed(new uint32_t[size_t{header.height} * header.width]);
  constexpr int stop_on_error = 1;
  if (TIFFReadRGBAImageOriented(tiff.get(), header.width, header.height, packed.get(), ORIENTATION_TOPLEFT,
                                stop_on_error) == 0)
    throw_damaged(memory, name);
  return oriented(rgb_from_packed(packed.get(), header.height, header.width), header.orientation);
}

}  // namespace vitrail
