#include "vitrail/detect/box.h"

#include <algorithm>

namespace vitrail {

float iou(const Box& a, const Box& b) {
  const Box both{std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
  const float common = both.area();
  const float all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

Box clipped(const Box& box, float width, float height) {
  return {std::clamp(box.x1, 0.0f, width), std::clamp(box.y1, 0.0f, height), std::clamp(box.x2, 0.0f, width),
          std::clamp(box.y2, 0.0f, height)};
}

}  // namespace vitrail
