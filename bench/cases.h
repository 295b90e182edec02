#pragma once
// The networks of the comparison.

#include "bench/contestant.h"

namespace vitrail::bench {

/// M1, M2, M3, M3J: from pixels to a label per pixel. M4: an encoder alone. Throws Error(usage) for another
/// key.
Case make_case(const std::string& key);
const std::vector<std::string>& case_keys();

}  // namespace vitrail::bench
