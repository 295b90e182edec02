#pragma once
// BMP and PNM, whose pixels lie in the file as they are. Used by image_file.h, which is the place to read
// pictures from.

#include <string>
#include <string_view>

#include "vitrail/image/image_file.h"

namespace vitrail {

/// What the header says. Throws Error(format) naming `name` if it is damaged, Error(unsupported) for BMPs
/// that are compressed (run lengths, JPEG or PNG inside).
ImageInfo bmp_info(std::string_view bytes, const std::string& name);
/// P1 to P6: bitmap, grey and colour, as text or bytes.
ImageInfo pnm_info(std::string_view bytes, const std::string& name);

/// RGB. Throws Error(limit) above `max_pixels`, Error(format) for a truncated or damaged file.
Image decode_bmp(std::string_view bytes, const std::string& name, int64_t max_pixels);
Image decode_pnm(std::string_view bytes, const std::string& name, int64_t max_pixels);

}  // namespace vitrail
