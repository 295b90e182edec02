#include "vitrail/image/reduced_image.h"

#include "vitrail/image/jpeg_codec.h"

namespace vitrail {

ReducedImage reduced_image_from_bytes(std::string_view bytes, const std::string& name, ImageSize smallest,
                                      int64_t max_pixels) {
  if (is_jpeg(bytes)) return decode_jpeg_reduced(bytes, name, max_pixels, smallest);
  ReducedImage whole{.image = image_from_bytes(bytes, name, max_pixels)};
  whole.size = {whole.image.height, whole.image.width};
  return whole;
}

}  // namespace vitrail
