#pragma once
// How masks are made run by run. Internal to image/.

#include <cstdint>
#include <vector>

#include "vitrail/image/rle.h"

namespace vitrail {

/// The mask that changes between 0 and 1 at the places `sorted` (down the columns, ascending). Two changes at
/// one place are none; places from height * width on are ignored.
Rle rle_from_changes(const std::vector<int64_t>& sorted, int64_t height, int64_t width);

}  // namespace vitrail
