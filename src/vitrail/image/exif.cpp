#include "vitrail/image/exif.h"

#include <algorithm>

#include "vitrail/image/byte_reader.h"

namespace vitrail {

int exif_orientation(std::string_view tiff) {
  constexpr uint64_t orientation_tag = 274, short_type = 3;
  const ByteReader reader(tiff, tiff.starts_with("MM") ? ByteOrder::big : ByteOrder::little);
  if (!tiff.starts_with("II") && !tiff.starts_with("MM")) return 1;
  const uint64_t directory = reader.u32(4);
  const uint64_t entries = reader.u16(directory);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (reader.u16(entry) != orientation_tag || reader.u16(entry + 2) != short_type) continue;
    const uint64_t value = reader.u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image oriented(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool transposes = orientation_transposes(orientation);
  // Shown pixel (x, y) is stored pixel (sx, sy): 2, 3, 7, 8 and 3, 4, 6, 7 count one stored axis backwards.
  const bool back_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool back_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image shown(transposes ? image.width : image.height, transposes ? image.height : image.width,
              image.channels);
  for (int64_t y = 0; y < shown.height; ++y) {
    for (int64_t x = 0; x < shown.width; ++x) {
      const int64_t along_x = transposes ? y : x, along_y = transposes ? x : y;
      const int64_t stored_x = back_x ? image.width - 1 - along_x : along_x;
      const int64_t stored_y = back_y ? image.height - 1 - along_y : along_y;
      std::copy_n(image.at(stored_y, stored_x), image.channels, shown.at(y, x));
    }
  }
  return shown;
}

}  // namespace vitrail
