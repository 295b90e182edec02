#pragma once
// JPEG through libjpeg-turbo. Used by image_file.h, which is the place to read pictures from.

#include <string>
#include <string_view>

#include "vitrail/image/reduced_image.h"

namespace vitrail {

struct JpegHeader {
  int64_t height = 0;  ///< as stored, before the orientation
  int64_t width = 0;
  int components = 0;   ///< 1 grey, 3 colour, 4 CMYK
  int orientation = 1;  ///< EXIF, 1..8
};

bool is_jpeg(std::string_view bytes);

/// Throws Error(format) naming `name` if the bytes are no JPEG or its header is damaged.
JpegHeader jpeg_header(std::string_view bytes, const std::string& name);

/// RGB, turned upright. Throws Error(limit) above `max_pixels`, Error(format) for a truncated or damaged
/// file.
///
/// Where `smallest` is not 0x0 the picture comes at 1/2, 1/4 or 1/8 of its size, the smallest of these whose
/// height and width are at least `smallest` (as shown, with the orientation applied): libjpeg then computes
/// that many fewer coefficients and pixels.
Image decode_jpeg(std::string_view bytes, const std::string& name, int64_t max_pixels);
ReducedImage decode_jpeg_reduced(std::string_view bytes, const std::string& name, int64_t max_pixels,
                                 ImageSize smallest);

/// Baseline JPEG of 1 or 3 channels whose size is already checked.
std::string encode_jpeg_pixels(const Image& image, int quality);

}  // namespace vitrail
