#pragma once
// Windows of a scaled and rotated sample. Augmentation crops most of what it scales, so only the window is
// ever computed; and it runs in loader threads, so nothing here starts threads of its own (OpenCV's functions
// do, and their number is global state).

#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/image/image.h"

namespace vitrail {

/// A source image seen at `scaled_height` x `scaled_width`, turned by `degrees` (counter-clockwise on screen)
/// about its centre; and the window of that view that is wanted, which may reach
/// beyond it.
struct View {
  int64_t scaled_height = 0, scaled_width = 0;
  double degrees = 0;
  int64_t top = 0, left = 0, height = 0, width = 0;  ///< the window, in pixels of the scaled image
};

/// One byte per pixel of the window: 1 where the source reaches, 0 where fill must go.
using Coverage = std::vector<uint8_t>;

/// What goes where the source does not reach, a value for each channel.
using Fill = std::vector<uint8_t>;

Coverage coverage(int64_t source_height, int64_t source_width, const View& view);

/// Bilinear when enlarging, area average when shrinking; pixels beyond the source are `fill`. Any
/// number of channels; 1 and 3 are fastest.
Image view_image(const Image& source, const View& view, const Fill& fill);

/// Nearest neighbour; pixels beyond the source are the ignore label.
LabelMap view_labels(const LabelMap& source, const View& view);

}  // namespace vitrail
