#pragma once
// BMP, PNM, WebP and TIFF: sizes from their headers, pixels through OpenCV. Used by image_file.h.

#include <optional>
#include <string>
#include <string_view>

#include "vitrail/image/image_file.h"

namespace vitrail {

/// What the header says, or nothing if the bytes are none of the four formats. Sizes may be 0 when the header
/// is damaged.
std::optional<ImageInfo> other_format_info(std::string_view bytes);

/// RGB pixels of a file for which `info` was found, its size already checked. Throws Error(format).
Image decode_other_format(std::string_view bytes, const std::string& name, const ImageInfo& info);

}  // namespace vitrail
