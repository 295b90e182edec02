#pragma once
// Every sample of a TIFF page as it is stored: satellite bands, near infrared beside colour. Used by
// tiff_codec.h, which knows the page's header.

#include <cstdint>
#include <optional>
#include <vector>

#include "vitrail/image/image.h"

struct tiff;  // libtiff's TIFF

namespace vitrail {

struct TiffSamples {
  int64_t height = 0;
  int64_t width = 0;
  int64_t stored = 0;         ///< samples per pixel in the file
  int64_t bits = 8;           ///< of each: 8, or 16, which become 8
  std::vector<int64_t> kept;  ///< which of them are the picture's channels
};

/// The channels that `samples` keeps, unsigned, in strips or tiles, together or plane by plane. Nothing where
/// libtiff cannot read on, or where strips or tiles contradict the header. Memory grows with what was read.
std::optional<Image> read_tiff_samples(tiff* file, const TiffSamples& samples);

}  // namespace vitrail
