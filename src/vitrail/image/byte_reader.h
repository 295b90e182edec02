#pragma once
// Numbers out of untrusted bytes, in either byte order. A number outside the bytes reads as 0, so that a
// parser of a damaged header needs one check where it matters, not one per field.

#include <cstdint>
#include <string_view>

namespace vitrail {

enum class ByteOrder { little, big };

class ByteReader {
 public:
  ByteReader(std::string_view bytes, ByteOrder order) : bytes_(bytes), order_(order) {}

  uint64_t u8(uint64_t offset) const { return number(offset, 1); }
  uint64_t u16(uint64_t offset) const { return number(offset, 2); }
  uint64_t u24(uint64_t offset) const { return number(offset, 3); }
  uint64_t u32(uint64_t offset) const { return number(offset, 4); }

 private:
  uint64_t number(uint64_t offset, uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return 0;
    uint64_t value = 0;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t at = order_ == ByteOrder::big ? offset + i : offset + size - 1 - i;
      value = value << 8 | static_cast<uint8_t>(bytes_[at]);
    }
    return value;
  }

  std::string_view bytes_;
  ByteOrder order_;
};

}  // namespace vitrail
