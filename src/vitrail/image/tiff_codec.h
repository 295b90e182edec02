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

enum class TiffChannels {
  colors,  ///< RGB; a page of more than four samples, transparency not counted, gives all of them
  all,     ///< RGB of palettes, CMYK and the like; else every sample that is no transparency (grey as RGB)
};

/// One page, turned upright. Throws Error(limit) above `max_pixels`, Error(format) for a truncated or damaged
/// file or one whose pixels are no colours (floats, for one), Error(unsupported) for channels beyond colour
/// that are not 8 or 16 bits, whole and unsigned.
Image decode_tiff(std::string_view bytes, const std::string& name, int64_t max_pixels, int64_t page = 0,
                  TiffChannels wanted = TiffChannels::colors);

}  // namespace vitrail
