#pragma once
// COCO's 80 categories and their ids (1 to 90, with gaps): what detectors from elsewhere were trained on.

#include <array>
#include <cstdint>
#include <string_view>

namespace vitrail {

struct CocoClass {
  int64_t id = 0;
  std::string_view name;
};

inline constexpr int64_t largest_coco_id = 90;

/// By ascending id.
const std::array<CocoClass, 80>& coco_categories();

}  // namespace vitrail
