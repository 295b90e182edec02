#pragma once
// Binary masks and their run lengths, as COCO keeps them (SPEC 12, 15.10): column by column, starting with a
// run of zeros.
//
//   Rle rle = encode_rle(mask);                       // counts: {zeros, ones, zeros, ...}
//   std::string text = rle_to_text(rle);              // COCO's compressed string
//   Rle hull = rle_from_polygons({{0, 0, 10, 0, 10, 8}}, 20, 30);   // x0,y0,x1,y1,... in pixels

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

struct Rle {
  int64_t height = 0, width = 0;
  std::vector<uint32_t> counts;  ///< run lengths down the columns, zeros first; their sum is height * width
  friend bool operator==(const Rle&, const Rle&) = default;
};

Rle encode_rle(const Mask& mask);
Mask decode_rle(const Rle& rle);
/// Pixels that are set.
int64_t area(const Rle& rle);
/// Smallest {x, y, width, height} around the set pixels; zeros for an empty mask.
std::vector<double> bounds(const Rle& rle);

/// COCO's text: 5 bits and a continuation bit per character from '0' on, from the fourth run on as the
/// difference to the run before the last.
std::string rle_to_text(const Rle& rle);
/// Throws Error(format) naming `source` for text that is not one, or whose runs do not add up to the size.
Rle rle_from_text(std::string_view text, int64_t height, int64_t width, const std::string& source);
/// The same for runs as numbers.
Rle rle_from_counts(const std::vector<int64_t>& counts, int64_t height, int64_t width,
                    const std::string& source);

/// The union of closed polygons (x0, y0, x1, y1, ... in pixels), with the pixels that COCO's own code sets.
Rle rle_from_polygons(const std::vector<std::vector<double>>& polygons, int64_t height, int64_t width);

Rle united(const std::vector<Rle>& parts);
/// Intersection over union; with `crowd` (b is a crowd) intersection over the area of a. Sizes must be the
/// same.
double iou(const Rle& a, const Rle& b, bool crowd = false);

}  // namespace vitrail
