#pragma once
// A case in 8 bits, for those who compute with bytes.

#include "bench/contestant.h"

namespace vitrail::bench {

/// `net` quantised after calibration on noise: what is timed does not depend on the scales.
Case in_bytes(const Case& net);

}  // namespace vitrail::bench
