#include "vitrail/image/image_file.h"

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/channels.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/jpeg_codec.h"
#include "vitrail/image/plain_codecs.h"
#include "vitrail/image/png_codec.h"
#include "vitrail/image/tiff_codec.h"
#include "vitrail/image/webp_codec.h"

namespace vitrail {
namespace {

std::string first_bytes(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes.substr(0, 4)) {
    const auto value = static_cast<uint8_t>(c);
    text += {' ', digits[value >> 4], digits[value & 15]};
  }
  return text;
}

/// What else a file may be, by its first bytes; empty where they are no known ones.
std::string other_format(std::string_view bytes) {
  if (bytes.starts_with("GIF8")) return "a GIF";
  if (bytes.starts_with("%PDF")) return "a PDF";
  if (bytes.starts_with("<svg") || bytes.starts_with("<?xml")) return "an SVG or another XML file";
  const std::string_view brand = bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp" ? bytes.substr(8, 4) : "";
  if (brand == "avif") return "an AVIF";
  if (brand == "heic" || brand == "heix" || brand == "mif1") return "a HEIC (a telephone's)";
  return brand.empty() ? "" : "a video";
}

[[noreturn]] void throw_unknown_format(std::string_view bytes, const std::string& name) {
  const std::string other = other_format(bytes);
  const std::string unknown = cat("not a known picture format (first bytes", first_bytes(bytes), ")");
  throw Error(ErrorKind::unsupported, {.where = name,
                                       .found = bytes.empty()   ? "an empty file"
                                                : other.empty() ? unknown
                                                                : other,
                                       .allowed = "JPEG, PNG, BMP, PNM, TIFF and WebP are read",
                                       .next = bytes.empty() ? "Copy it again" : "Convert it to PNG"});
}

ImageSize shown_size(int64_t height, int64_t width, int orientation) {
  return orientation_transposes(orientation) ? ImageSize{width, height} : ImageSize{height, width};
}

ImageInfo jpeg_info(std::string_view bytes, const std::string& name) {
  const JpegHeader header = jpeg_header(bytes, name);
  return {.size = shown_size(header.height, header.width, header.orientation),
          .format = "jpeg",
          .channels = header.components,
          .bit_depth = 8};
}

ImageInfo png_info(std::string_view bytes, const std::string& name) {
  const PngHeader header = png_header(bytes, name);
  return {.size = shown_size(header.height, header.width, png_orientation(bytes)),
          .format = "png",
          .channels = header.channels,
          .bit_depth = header.bit_depth,
          .palette = header.palette};
}

bool is_bmp(std::string_view bytes) {
  return bytes.starts_with("BM");
}

bool is_pnm(std::string_view bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
}

Image decode_first_page(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  return decode_tiff(bytes, name, max_pixels);
}

// One line for each format.
struct PictureFormat {
  bool (*matches)(std::string_view bytes);
  ImageInfo (*info)(std::string_view bytes, const std::string& name);
  Image (*decode)(std::string_view bytes, const std::string& name, int64_t max_pixels);
};

constexpr PictureFormat formats[] = {
    {is_jpeg, jpeg_info, decode_jpeg},       {is_png, png_info, decode_png},
    {is_bmp, bmp_info, decode_bmp},          {is_pnm, pnm_info, decode_pnm},
    {is_tiff, tiff_info, decode_first_page}, {is_webp, webp_info, decode_webp},
};

const PictureFormat& format_of(std::string_view bytes, const std::string& name) {
  for (const PictureFormat& format : formats)
    if (format.matches(bytes)) return format;
  throw_unknown_format(bytes, name);
}

void check_writable(const Image& image, std::string_view what) {
  const int64_t count = checked_product({image.height, image.width, image.channels}, "an image's size");
  const bool has_pixels =
      image.height >= 1 && image.width >= 1 && (image.channels == 1 || image.channels == 3);
  if (!has_pixels || static_cast<int64_t>(image.pixels.size()) != count)
    throw Error(ErrorKind::shape,
                {.where = std::string(what),
                 .found = cat("an image of ", image.width, "x", image.height, " with ", image.channels,
                              " channels and ", image.pixels.size(), " values"),
                 .allowed = "at least 1x1, 1 or 3 channels, a value for each"});
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

Image image_from_bytes(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  return format_of(bytes, name).decode(bytes, name, max_pixels);
}

Image read_image(const std::filesystem::path& path, int64_t max_pixels) {
  return image_from_bytes(read_file(path), path.string(), max_pixels);
}

Image read_all_channels(const std::filesystem::path& path, int64_t max_pixels) {
  const std::string bytes = read_file(path), name = path.string();
  if (is_tiff(bytes)) {
    Image image = decode_tiff(bytes, name, max_pixels, 0, TiffChannels::all);
    return tiff_info(bytes, name).all_channels == 1 ? grey_view(image) : image;
  }
  const int channels = image_info_from_bytes(bytes, name).all_channels;
  Image image = image_from_bytes(bytes, name, max_pixels);
  return channels == 1 ? grey_view(image) : image;
}

Image read_image_channels(const std::filesystem::path& path, int64_t channels, int64_t max_pixels) {
  const bool of_colors = channels == 1 || channels == 3;
  Image image = of_colors ? read_image(path, max_pixels) : read_all_channels(path, max_pixels);
  if (channels == 1 && image.channels == 3) return grey_view(image);
  if (image.channels == channels) return image;
  throw Error(ErrorKind::shape,
              {.where = path.string(),
               .found = cat("a picture of ", image.channels, image.channels == 1 ? " channel" : " channels"),
               .allowed = cat(channels, " are wanted of it")});
}

Image read_image_page(const std::filesystem::path& path, int64_t page, int64_t max_pixels) {
  const std::string bytes = read_file(path), name = path.string();
  const int64_t pages = is_tiff(bytes) ? tiff_pages(bytes, name) : 1;
  if (page < 0 || page >= pages)
    throw Error(ErrorKind::usage,
                {.where = name, .found = cat("page ", page), .allowed = cat("0..", pages - 1)});
  return is_tiff(bytes) ? decode_tiff(bytes, name, max_pixels, page)
                        : image_from_bytes(bytes, name, max_pixels);
}

int64_t page_count(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return is_tiff(bytes) ? tiff_pages(bytes, path.string()) : 1;
}

ImageInfo image_info_from_bytes(std::string_view bytes, const std::string& name) {
  ImageInfo info = format_of(bytes, name).info(bytes, name);
  if (info.format != "tiff") info.all_channels = info.palette || info.channels > 2 ? 3 : 1;
  return info;
}

ImageInfo image_info(const std::filesystem::path& path) {
  const MappedFile file(path);
  return image_info_from_bytes(text_of(file), path.string());
}

ImageSize image_size(const std::filesystem::path& path) {
  return image_info(path).size;
}

std::string encode_png(const Image& image) {
  check_writable(image, "encode_png");
  return encode_png_pixels(image);
}

std::string encode_jpeg(const Image& image, int quality) {
  check_writable(image, "encode_jpeg");
  if (quality < 1 || quality > 100)
    throw Error(ErrorKind::usage,
                {.where = "encode_jpeg", .found = cat("quality ", quality), .allowed = "1 to 100"});
  return encode_jpeg_pixels(image, quality);
}

void write_png(const std::filesystem::path& path, const Image& image) {
  replace_file(path, encode_png(image));
}

void write_jpeg(const std::filesystem::path& path, const Image& image, int quality) {
  replace_file(path, encode_jpeg(image, quality));
}

}  // namespace vitrail
