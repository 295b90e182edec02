#pragma once
// Pictures on disk. Whatever the file holds, what you get is 8-bit RGB, the right way up; only a TIFF of more
// than four samples per pixel, which cannot be colour and transparency, gives all of them.
//
//   Image photo = read_image("street.jpg");
//   Image depth = read_all_channels("street-depth.png");   // the file's own channels: here 1
//   write_png("copy.png", photo);
//   ImageSize size = image_size("street.jpg");   // reads the header alone
//
// Read: JPEG (libjpeg-turbo), PNG (libpng), TIFF (libtiff, its first page), WebP (libwebp), BMP and PNM; told
// apart by their bytes, not by their name. Grey is expanded to R = G = B, alpha is dropped, 16 bits per
// channel are reduced to 8, CMYK is converted without a colour profile, and the orientation that JPEG, PNG
// and TIFF files ask for is applied as viewers do.
//
// Files are not trusted. A header that claims more than `max_pixels`, or more than its bytes can hold, is
// refused before memory is taken (Error(limit), Error(format)); a file that is truncated or damaged is
// refused, never half shown (Error(format), naming the file). Masks have their own reader: label_png.h.

#include <filesystem>
#include <string>
#include <string_view>

#include "vitrail/image/image.h"

namespace vitrail {

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
  bool operator==(const ImageSize&) const = default;
};

/// What a file's header says about it.
struct ImageInfo {
  ImageSize size;      ///< as read_image returns it, with the orientation applied
  std::string format;  ///< "jpeg", "png", "bmp", "pnm", "tiff" or "webp"
  int channels =
      0;  ///< stored in the file: 1 grey or palette, 2 grey + alpha, 3 colour, 4 with alpha or CMYK
  int bit_depth = 0;  ///< bits per stored channel (per index for a palette)
  bool palette = false;
  int all_channels = 3;  ///< that read_all_channels gives: 1 of grey files, all of a TIFF's, else 3
};

/// The picture in `path` as RGB (or a TIFF's channels where there are more than four). Throws Error(file) if
/// it cannot be read, Error(unsupported) for another format, Error(format) or Error(limit) as said above.
Image read_image(const std::filesystem::path& path, int64_t max_pixels = max_image_pixels);

/// The same for bytes in memory (a request's body); `name` is what errors call them.
Image image_from_bytes(std::string_view bytes, const std::string& name,
                       int64_t max_pixels = max_image_pixels);

/// The picture with its file's own channels: one of a grey file, three of a coloured one (a palette, CMYK),
/// every sample of a TIFF, transparency left out: R, G, B and near infrared, say. 16 bits become 8.
Image read_all_channels(const std::filesystem::path& path, int64_t max_pixels = max_image_pixels);

/// The picture as `channels` values per pixel: 1 is grey (a colour file's luma), 3 R, G, B (grey three
/// times), any other number what read_all_channels gives. Throws Error(shape) where the file has another
/// number.
Image read_image_channels(const std::filesystem::path& path, int64_t channels,
                          int64_t max_pixels = max_image_pixels);

/// One page of a TIFF volume, and how many it has (1 for every other format). Throws Error(usage) for a page
/// that is not there.
Image read_image_page(const std::filesystem::path& path, int64_t page, int64_t max_pixels = max_image_pixels);
int64_t page_count(const std::filesystem::path& path);

/// The size of `path`, from its header alone; any size is reported, also one that read_image would refuse.
ImageSize image_size(const std::filesystem::path& path);
ImageInfo image_info(const std::filesystem::path& path);
ImageInfo image_info_from_bytes(std::string_view bytes, const std::string& name);

/// `image` (1 or 3 channels) as the bytes of a file. JPEG `quality` is 1..100; 4:2:0 chroma.
std::string encode_png(const Image& image);
std::string encode_jpeg(const Image& image, int quality = 92);

/// The same to disk, through replace_file() (base/file.h).
void write_png(const std::filesystem::path& path, const Image& image);
void write_jpeg(const std::filesystem::path& path, const Image& image, int quality = 92);

}  // namespace vitrail
