#include "vitrail/image/limits.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

void check_pixel_limit(const std::string& name, int64_t height, int64_t width, int64_t max_pixels) {
  if (height < 1 || width < 1)
    throw Error(ErrorKind::format,
                {.where = name, .found = cat("a picture of ", width, "x", height, " pixels")});
  if (height > max_pixels / width)
    throw Error(ErrorKind::limit, {.where = name,
                                   .found = cat("a picture of ", width, "x", height, " pixels"),
                                   .allowed = cat("at most ", max_pixels, " pixels are read"),
                                   .next = "Cut or shrink the picture first"});
}

void throw_too_few_bytes(const std::string& name, int64_t height, int64_t width, size_t bytes) {
  throw Error(ErrorKind::format, {.where = name,
                                  .found = cat("the header claims ", width, "x", height, " pixels, which ",
                                               bytes, " bytes cannot hold: the file is truncated or damaged"),
                                  .next = "Copy or export the file again"});
}

}  // namespace vitrail
