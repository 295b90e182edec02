#pragma once
// The checks that every decoder makes before it takes memory, and their errors.

#include <cstdint>
#include <string>

namespace vitrail {

/// Throws Error(format) for a size below 1, Error(limit) for more than `max_pixels` pixels.
void check_pixel_limit(const std::string& name, int64_t height, int64_t width, int64_t max_pixels);

/// The header claims a picture that a file of so few bytes cannot hold.
[[noreturn]] void throw_too_few_bytes(const std::string& name, int64_t height, int64_t width, size_t bytes);

}  // namespace vitrail
