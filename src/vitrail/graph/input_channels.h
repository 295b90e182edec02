#pragma once
// How many channels a network's image, and so a picture, may have.

#include <cstdint>

namespace vitrail {

/// Three of colour, and what sensors see beside it: depth, infrared, a satellite's bands.
constexpr int64_t max_input_channels = 64;

}  // namespace vitrail
