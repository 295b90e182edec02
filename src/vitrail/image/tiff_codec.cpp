#include "vitrail/image/tiff_codec.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <tiffio.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/input_channels.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/limits.h"
#include "vitrail/image/tiff_samples.h"

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
  uint16_t format = SAMPLEFORMAT_UINT;
  std::vector<int64_t> kept =
      {};  // samples that are values, not transparency; empty where they are no plain values
};

/// The samples of grey and RGB pages; those of palettes, CMYK and the like mean nothing one by one.
std::vector<int64_t> kept_samples(TIFF* tiff, const TiffHeader& header) {
  const bool plain = header.photometric == PHOTOMETRIC_RGB || header.photometric == PHOTOMETRIC_MINISBLACK ||
                     header.photometric == PHOTOMETRIC_MINISWHITE;
  if (!plain) return {};
  uint16_t extra = 0;
  const uint16_t* meaning = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &meaning);
  std::vector<int64_t> kept;
  for (int64_t sample = 0; sample < header.channels; ++sample) {
    const int64_t at = sample - (header.channels - extra);  // extra samples come last
    const bool alpha = at >= 0 && meaning != nullptr &&
                       (meaning[at] == EXTRASAMPLE_ASSOCALPHA || meaning[at] == EXTRASAMPLE_UNASSALPHA);
    if (!alpha) kept.push_back(sample);
  }
  return kept;
}

TiffHeader header_of(TIFF* tiff) {
  TiffHeader header;
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &header.height);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &header.width);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &header.channels);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &header.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &header.orientation);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &header.photometric);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &header.format);
  header.kept = kept_samples(tiff, header);
  return header;
}

/// What the page's samples are as a picture: grey, colours, or channels of their own.
int64_t channels_of(const TiffHeader& header) {
  return header.kept.empty() ? 3 : std::ssize(header.kept);
}

/// Whether only its samples one by one say what the page holds.
bool has_own_channels(const TiffHeader& header) {
  return channels_of(header) != 1 &&
         !(channels_of(header) == 3 && (header.kept.empty() || header.photometric == PHOTOMETRIC_RGB));
}

Image own_channels(TIFF* tiff, const TiffHeader& header, const TiffMemory& memory, const std::string& name,
                   int64_t max_pixels) {
  const int64_t channels = channels_of(header);
  const bool whole = header.format == SAMPLEFORMAT_UINT || header.format == SAMPLEFORMAT_VOID;
  if (channels > max_input_channels || (header.bits != 8 && header.bits != 16) || !whole)
    throw Error(
        ErrorKind::unsupported,
        {.where = name,
         .found = cat("a TIFF of ", channels, " channels, ", header.bits, " bits each",
                      whole ? "" : ", signed or with a fraction"),
         .allowed = cat("up to ", max_input_channels, " channels of 8 or 16 bits, whole and unsigned"),
         .next = "Scale it to bytes first, as gdal_translate -ot Byte -scale does"});
  // As many values as a picture of colours may have.
  check_pixel_limit(name, header.height, header.width, std::max<int64_t>(3 * max_pixels / channels, 1));
  std::optional<Image> image = read_tiff_samples(tiff, {.height = header.height,
                                                        .width = header.width,
                                                        .stored = header.channels,
                                                        .bits = header.bits,
                                                        .kept = header.kept});
  if (!image) throw_damaged(memory, name);
  return std::move(*image);
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
          .palette = header.photometric == PHOTOMETRIC_PALETTE,
          .all_channels = static_cast<int>(channels_of(header))};
}

int64_t tiff_pages(std::string_view bytes, const std::string& name) {
  TiffMemory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, name, max_image_pixels);
  return TIFFNumberOfDirectories(tiff.get());
}

Image decode_tiff(std::string_view bytes, const std::string& name, int64_t max_pixels, int64_t page,
                  TiffChannels wanted) {
  TiffMemory memory{.bytes = bytes};
  const TiffFile tiff = open_tiff(memory, name, max_pixels);
  if (page != 0 && TIFFSetDirectory(tiff.get(), static_cast<tdir_t>(page)) == 0) throw_damaged(memory, name);
  const TiffHeader header = header_of(tiff.get());
  check_pixel_limit(name, header.height, header.width, max_pixels);
  const bool more_than_colors = channels_of(header) > 4;
  if (more_than_colors || (wanted == TiffChannels::all && has_own_channels(header)))
    return oriented(own_channels(tiff.get(), header, memory, name, max_pixels), header.orientation);
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
