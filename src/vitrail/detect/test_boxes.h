#pragma once
// Random boxes for the tests of detect/.

#include <algorithm>
#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"

namespace vitrail {

/// With corners on multiples of `unit` inside of [0, side], so that equal overlaps occur; 0: anywhere.
inline Box random_box(Random& random, double side, double unit = 0) {
  const auto at = [&] {
    const double x = random.uniform(0, side);
    return static_cast<float>(unit > 0 ? unit * static_cast<double>(static_cast<int64_t>(x / unit)) : x);
  };
  const float x = at(), y = at(), x2 = at(), y2 = at();
  return {std::min(x, x2), std::min(y, y2), std::max(x, x2), std::max(y, y2)};
}

inline std::vector<Box> random_boxes(Random& random, int64_t count, double side, double unit = 0) {
  std::vector<Box> boxes;
  for (int64_t i = 0; i < count; ++i)
    boxes.push_back(random_box(random, side, unit));
  return boxes;
}

/// Uniform in [low, high); in steps of `unit` where that is not 0.
inline std::vector<float> random_values(Random& random, int64_t count, double low, double high,
                                        double unit = 0) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const double value = random.uniform(low, high);
    values.push_back(static_cast<float>(
        unit > 0 ? unit * static_cast<double>(static_cast<int64_t>(value / unit)) : value));
  }
  return values;
}

inline Tensor random_map(Random& random, const Shape& shape) {
  return Tensor::from<float>(shape, random_values(random, element_count(shape), -1, 1));
}

}  // namespace vitrail
