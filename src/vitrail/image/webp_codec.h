#pragma once
// WebP through libwebp, still pictures. Used by image_file.h, which is the place to read pictures from.

#include <string>
#include <string_view>

#include "vitrail/image/image_file.h"

namespace vitrail {

bool is_webp(std::string_view bytes);

/// Throws Error(format) naming `name` if the header is damaged, Error(unsupported) for an animation.
ImageInfo webp_info(std::string_view bytes, const std::string& name);

/// RGB. Throws Error(limit) above `max_pixels`, Error(format) for a truncated or damaged file.
Image decode_webp(std::string_view bytes, const std::string& name, int64_t max_pixels);

}  // namespace vitrail
