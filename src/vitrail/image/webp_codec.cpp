#include "vitrail/image/webp_codec.h"

#include <memory>

#include <webp/decode.h>

#include "vitrail/base/error.h"
#include "vitrail/image/limits.h"

namespace vitrail {
namespace {

[[noreturn]] void throw_damaged(const std::string& name) {
  throw Error(ErrorKind::format,
              {.where = name, .found = "damaged WebP", .next = "Copy or export the file again"});
}

const uint8_t* data_of(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

}  // namespace

bool is_webp(std::string_view bytes) {
  return bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP";
}

ImageInfo webp_info(std::string_view bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data_of(bytes), bytes.size(), &features) != VP8_STATUS_OK) throw_damaged(name);
  if (features.has_animation)
    throw Error(ErrorKind::unsupported,
                {.where = name, .found = "an animated WebP", .next = "Export its frames as PNG"});
  return {.size = {features.height, features.width},
          .format = "webp",
          .channels = features.has_alpha ? 4 : 3,
          .bit_depth = 8};
}

Image decode_webp(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const ImageSize size = webp_info(bytes, name).size;
  check_pixel_limit(name, size.height, size.width, max_pixels);
  // Left uninitialised, so that a damaged file that claims a huge picture costs no memory.
  const auto count = static_cast<size_t>(3 * size.height * size.width);
  const std::unique_ptr<uint8_t[]> rgb(new uint8_t[count]);
  if (WebPDecodeRGBInto(data_of(bytes), bytes.size(), rgb.get(), count, static_cast<int>(3 * size.width)) ==
      nullptr)
    throw_damaged(name);
  Image image;
  image.height = size.height;
  image.width = size.width;
  image.pixels.assign(rgb.get(), rgb.get() + count);
  return image;
}

}  // namespace vitrail
