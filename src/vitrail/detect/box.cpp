#include "vitrail/detect/box.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

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

Box scaled(const Box& box, double x_scale, double y_scale) {
  const auto times = [](float value, double scale) {
    return static_cast<float>(static_cast<double>(value) * scale);
  };
  return {times(box.x1, x_scale), times(box.y1, y_scale), times(box.x2, x_scale), times(box.y2, y_scale)};
}

void require_finite(std::span<const Box> boxes, std::string_view where) {
  for (size_t i = 0; i < boxes.size(); ++i) {
    const Box& b = boxes[i];
    if (std::isfinite(b.x1) && std::isfinite(b.y1) && std::isfinite(b.x2) && std::isfinite(b.y2)) continue;
    throw Error(ErrorKind::numeric,
                {.where = std::string(where),
                 .found = cat("box ", i, " is ", b.x1, ",", b.y1, " to ", b.x2, ",", b.y2),
                 .allowed = "coordinates are finite numbers"});
  }
}

}  // namespace vitrail
