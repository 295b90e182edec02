#pragma once
// Which channel of a picture becomes which channel of a network's input, and how. Used by preprocess.h and
// resized_input.h, which are the places to make inputs from.

#include <cstdint>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/pixel_rows.h"

namespace vitrail {

struct InputRoute {
  struct Plane {
    int64_t source = 0;  ///< channel of the picture
    pixel_rows::Channel channel;
  };
  std::vector<Plane> planes;  ///< of the input, in order
  bool from_luma = false;     ///< one plane, from the luma of an RGB picture
};

/// Throws Error(usage) for a `preprocessing` that contradicts itself.
void check_preprocessing(const Preprocessing& preprocessing);

/// Throws what check_preprocessing throws, and Error(shape) for a number of channels that does not fit.
InputRoute input_route(int64_t image_channels, const Preprocessing& preprocessing);

}  // namespace vitrail
