#pragma once
// Which channel of a picture becomes which channel of a network's input, and how. Used by preprocess.h and
// resized_input.h, which are the places to make inputs from.

#include <cstdint>
#include <string>
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

/// Throws Error(usage) for a `preprocessing` that contradicts itself: means and deviations of unlike number,
/// `grey` with more than one, `rgb` with one (with two the picture is grey and something else), `bgr` with
/// fewer than three.
void check_preprocessing(const Preprocessing& preprocessing);

/// Throws Error(shape) that says what the network reads, what `where` has and what to do, unless a picture of
/// so many channels fits: it has as many, or is grey for a network of colours, or of colours for a grey one.
void check_channels(int64_t image_channels, const Preprocessing& preprocessing, const std::string& where);

/// `bgr` is about the first three channels; those behind them stay where they are. Throws what the two above
/// throw.
InputRoute input_route(int64_t image_channels, const Preprocessing& preprocessing);

}  // namespace vitrail
