#include "vitrail/image/other_formats.h"

#include <algorithm>
#include <cstdlib>

#include <opencv2/imgcodecs.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/byte_reader.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/limits.h"

namespace vitrail {
namespace {

ImageInfo info_of(std::string format, uint64_t height, uint64_t width, int channels, int bit_depth) {
  return {.size = {static_cast<int64_t>(height), static_cast<int64_t>(width)},
          .format = std::move(format),
          .channels = channels,
          .bit_depth = bit_depth};
}

ImageInfo bmp_info(std::string_view bytes) {
  const ByteReader reader(bytes, ByteOrder::little);
  const bool old = reader.u32(14) == 12;
  const auto bits = static_cast<int>(reader.u16(old ? 24 : 28));
  // Rows from the top are said by a negative height.
  const int64_t height =
      old ? static_cast<int64_t>(reader.u16(20)) : std::abs(int64_t{static_cast<int32_t>(reader.u32(22))});
  const int64_t width =
      old ? static_cast<int64_t>(reader.u16(18)) : int64_t{static_cast<int32_t>(reader.u32(18))};
  ImageInfo info{.size = {height, width}, .format = "bmp", .channels = 1, .bit_depth = bits};
  if (bits > 8) info.channels = bits == 32 ? 4 : 3, info.bit_depth = 8;
  info.palette = bits <= 8;
  return info;
}

// The next number of a PNM header, after blanks and comments; 0 if there is none. Sizes end far below 2^31.
int64_t next_number(std::string_view& text) {
  while (!text.empty() && (text[0] < '0' || text[0] > '9')) {
    const bool comment = text[0] == '#';
    text.remove_prefix(comment ? std::min(text.find('\n'), text.size() - 1) + 1 : 1);
  }
  int64_t number = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = std::min<int64_t>(number * 10 + (text[0] - '0'), int64_t{1} << 31);
    text.remove_prefix(1);
  }
  return number;
}

ImageInfo pnm_info(std::string_view bytes) {
  const char kind = bytes[1];
  const bool bitmap = kind == '1' || kind == '4';
  std::string_view text = bytes.substr(2);
  ImageInfo info{.format = "pnm", .channels = kind == '3' || kind == '6' ? 3 : 1, .bit_depth = 1};
  info.size.width = next_number(text);
  info.size.height = next_number(text);
  if (!bitmap) info.bit_depth = next_number(text) > 255 ? 16 : 8;
  return info;
}

ImageInfo webp_info(std::string_view bytes) {
  const ByteReader reader(bytes, ByteOrder::little);
  const std::string_view chunk = bytes.substr(12, 4);
  if (chunk == "VP8X") return info_of("webp", reader.u24(27) + 1, reader.u24(24) + 1, 3, 8);
  if (chunk == "VP8L") {
    const uint64_t packed = reader.u32(21);
    return info_of("webp", (packed >> 14 & 0x3FFF) + 1, (packed & 0x3FFF) + 1, 3, 8);
  }
  return info_of("webp", reader.u16(28) & 0x3FFF, reader.u16(26) & 0x3FFF, 3, 8);
}

ImageInfo tiff_info(std::string_view bytes) {
  constexpr uint64_t width_tag = 256, height_tag = 257, bits_tag = 258, samples_tag = 277, short_type = 3;
  const ByteReader reader(bytes, bytes[0] == 'M' ? ByteOrder::big : ByteOrder::little);
  uint64_t width = 0, height = 0, bits = 1, samples = 1;
  const uint64_t directory = reader.u32(4), entries = reader.u16(directory);
  for (uint64_t i = 0; i < entries && directory + 14 + 12 * i <= bytes.size(); ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    const bool is_short = reader.u16(entry + 2) == short_type;
    const uint64_t value = is_short ? reader.u16(entry + 8) : reader.u32(entry + 8);
    const uint64_t tag = reader.u16(entry);
    if (tag == width_tag) width = value;
    if (tag == height_tag) height = value;
    if (tag == samples_tag) samples = value;
    // More than two 16-bit values do not fit in the entry: it holds their place in the file.
    if (tag == bits_tag) bits = reader.u32(entry + 4) > 2 ? reader.u16(reader.u32(entry + 8)) : value;
  }
  return info_of("tiff", height, width, static_cast<int>(samples), static_cast<int>(bits));
}

[[noreturn]] void throw_damaged(const std::string& name, const ImageInfo& info) {
  throw Error(ErrorKind::format, {.where = name,
                                  .found = cat("damaged or unusual ", info.format, " file"),
                                  .next = "Copy the file again, or convert it to PNG"});
}

Image rgb_from_bgr(const cv::Mat& bgr) {
  Image image(bgr.rows, bgr.cols);
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* from = bgr.ptr<uint8_t>(static_cast<int>(y));
    uint8_t* to = image.at(y, 0);
    for (int64_t x = 0; x < image.width; ++x, from += 3, to += 3) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
    }
  }
  return image;
}

// Rows that are stored plainly need their bytes; compressed formats are bounded by max_pixels alone.
void check_fits(std::string_view bytes, const std::string& name, const ImageInfo& info) {
  const bool plain_bmp = info.format == "bmp" && ByteReader(bytes, ByteOrder::little).u32(30) == 0;
  if (!plain_bmp && info.format != "pnm") return;
  const double bits = static_cast<double>(info.size.height) * static_cast<double>(info.size.width) *
                      info.channels * info.bit_depth;
  if (bits / 8 > static_cast<double>(bytes.size()) * (plain_bmp ? 2 : 1))
    throw_too_few_bytes(name, info.size.height, info.size.width, bytes.size());
}

}  // namespace

std::optional<ImageInfo> other_format_info(std::string_view bytes) {
  if (bytes.size() < 16) return std::nullopt;
  if (bytes.starts_with("BM")) return bmp_info(bytes);
  if (bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6') return pnm_info(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return webp_info(bytes);
  if (bytes.starts_with(std::string_view("II*\0", 4)) || bytes.starts_with(std::string_view("MM\0*", 4)))
    return tiff_info(bytes);
  return std::nullopt;
}

Image decode_other_format(std::string_view bytes, const std::string& name, const ImageInfo& info) {
  check_fits(bytes, name, info);
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) throw_damaged(name, info);
  cv::Mat bgr;
  try {
    const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    bgr = cv::imdecode(buffer, cv::IMREAD_COLOR);
  } catch (const cv::Exception&) {
    throw_damaged(name, info);
  }
  const bool as_said = bgr.rows == info.size.height && bgr.cols == info.size.width;
  if (bgr.empty() || bgr.type() != CV_8UC3 || !as_said) throw_damaged(name, info);
  return rgb_from_bgr(bgr);
}

}  // namespace vitrail
