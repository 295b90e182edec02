#pragma once
// CRC-32C (Castagnoli), the checksum of TFRecord files and of our checkpoints.
// Source: RFC 3720, appendix B.4; "123456789" gives 0xE3069283.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vitrail::train {

uint32_t crc32c(std::span<const std::byte> bytes);
uint32_t crc32c(std::string_view bytes);

}  // namespace vitrail::train
