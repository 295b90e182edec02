#pragma once
// How much memory this process has had in use at most.

#include <cstdint>

namespace vitrail {

/// Bytes of resident memory at their highest, since the program started; 0 where the system does not tell.
int64_t peak_resident_bytes();

}  // namespace vitrail
