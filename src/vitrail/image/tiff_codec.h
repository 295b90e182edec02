#pragma once
// TIFF through libtiff. Used by image_file.h, which is the place to read pictures from.

#include <string>
#include <string_view>

#include "vitrail/image/image_file.h"

namespace vitrail {

bool is_tiff(std::string_view bytes);

/// Throws Error(format) naming `name` if the header is damaged.
ImageInfo tiff_info(std::string_view bytes, const std::string& name);

int64_t tiff_pages(std::string_view bytes, const std::string& name);

/// One page as RGB, turned upright. Throws Error(limit) above `max_pixels`, Error(format) for a truncated or
/// damaged file or one whose pixels are no colours (floats, for one).
Image decode_tiff(std::string_view bytes, const std::string& name, int64_t max_pixels, int64_t page = 0);

}  // namespace vitrail
