#pragma once
// Boxes in pixels. x to the right, y down; a box covers [x1, x2) x [y1, y2), so its width is x2 - x1 (no "+
// 1").
//
//   Box a{10, 20, 110, 70};                  // 100 wide, 50 high
//   float overlap = iou(a, b);               // intersection over union, 0..1

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vitrail {

struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  float width() const { return x2 - x1; }
  float height() const { return y2 - y1; }
  /// 0 for a box that is empty or turned inside out.
  float area() const { return width() > 0 && height() > 0 ? width() * height() : 0; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// Height and width of a map in cells, or of a picture in pixels.
struct Extent {
  int64_t height = 0, width = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// 0 where both are empty.
float iou(const Box& a, const Box& b);
/// Moved into [0, width] x [0, height].
Box clipped(const Box& box, float width, float height);
/// x times `x_scale`, y times `y_scale`: from a network's input to the picture, say.
Box scaled(const Box& box, double x_scale, double y_scale);
/// Throws Error(numeric) naming `where` and the first box with a coordinate that is not a finite number.
void require_finite(std::span<const Box> boxes, std::string_view where);

/// What a detector found: class index (0 = the first class, not the background) and score in 0..1.
struct Detection {
  Box box;
  int64_t class_index = 0;
  float score = 0;
  int64_t source = 0;  ///< index of the anchor or proposal that became this box
};

}  // namespace vitrail
