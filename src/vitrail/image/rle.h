#pragma once
// Binary masks and their run lengths, as COCO keeps them (SPEC 12, 15.10): column by column, starting with a
// run of zeros.
//
//   Rle rle = encode_rle(mask);                       // counts: {zeros, ones, zeros, ...}
//   std::string text = rle_to_text(rle);              // COCO's compressed string
//   Rle hull = rle_from_polygons({{0, 0, 10, 0, 10, 8}}, 20, 30);   // x0,y0,x1,y1,... in pixels
//
// Every Rle made here is canonical: only its first run may be empty, so two are equal exactly when their
// masks are, and an empty mask is one run.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

/// One byte per pixel, 0 or 1, rows from the top.
struct Mask {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;
  Mask() = default;
  Mask(int64_t h, int64_t w, uint8_t fill = 0)
      : height(h), width(w), pixels(static_cast<size_t>(h * w), fill) {}
  uint8_t& at(int64_t y, int64_t x) { return pixels[static_cast<size_t>(y * width + x)]; }
  uint8_t at(int64_t y, int64_t x) const { return pixels[static_cast<size_t>(y * width + x)]; }
};

/// Run lengths down the columns. A picture that has one has at most max_image_pixels pixels.
struct Rle {
  int64_t height = 0, width = 0;
  std::vector<uint32_t> counts;  ///< zeros, ones, zeros ...; their sum is height * width
  friend bool operator==(const Rle&, const Rle&) = default;
};

Rle encode_rle(const Mask& mask);
Mask decode_rle(const Rle& rle);
/// Pixels that are set.
int64_t area(const Rle& rle);
/// Smallest {x, y, width, height} around the set pixels, in pixels; zeros for an empty mask.
std::array<double, 4> bounds(const Rle& rle);

/// COCO's text: 5 bits and a continuation bit per character from '0' on, from the fourth run on as the
/// difference to the run before the last.
std::string rle_to_text(const Rle& rle);
/// Throws Error(format) naming `source` for text that is not one, or whose runs do not add up to the size;
/// Error(limit) for a size beyond max_image_pixels.
Rle rle_from_text(std::string_view text, int64_t height, int64_t width, const std::string& source);
/// The same for runs as numbers.
Rle rle_from_counts(const std::vector<int64_t>& counts, int64_t height, int64_t width,
                    const std::string& source);

/// The union of closed polygons (x0, y0, x1, y1, ... in pixels), with the pixels that COCO's own code sets
/// (SPEC 15.10): corners are rounded to a fifth of a pixel, and a pixel belongs to it when its centre lies
/// between two crossings of its column. Coordinates may lie outside of the picture, by 2^24 pixels at most.
Rle rle_from_polygons(const std::vector<std::vector<double>>& polygons, int64_t height, int64_t width);

/// Where each label of a map is: the mask of every number that occurs.
std::map<uint16_t, Rle> masks_of_labels(const LabelMap& labels);

/// All of the same size, and at least one.
Rle united(const std::vector<Rle>& parts);
/// Pixels that are set in both. Sizes must be the same.
int64_t common_area(const Rle& a, const Rle& b);
/// Intersection over union; with `crowd` (b is a crowd) intersection over the area of a. 0 where they have
/// nothing in common. Sizes must be the same.
double iou(const Rle& a, const Rle& b, bool crowd = false);

}  // namespace vitrail
