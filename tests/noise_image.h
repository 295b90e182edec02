#pragma once
// Pictures of noise for tests.
//
//   Image image = noise_image(37, 53, 3, /*seed=*/1);

#include <cstdint>

#include "vitrail/base/random.h"
#include "vitrail/image/image.h"

namespace vitrail {

inline Image noise_image(int64_t height, int64_t width, int64_t channels, Random& random) {
  Image image(height, width, channels);
  for (uint8_t& value : image.pixels)
    value = static_cast<uint8_t>(random.integer(0, 255));
  return image;
}

inline Image noise_image(int64_t height, int64_t width, int64_t channels, uint64_t seed) {
  Random random(seed);
  return noise_image(height, width, channels, random);
}

}  // namespace vitrail
