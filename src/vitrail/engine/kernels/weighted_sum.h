#pragma once
// y = sum of weights[i] * rows[i] over any number of rows.

#include <cstdint>

namespace vitrail::engine_detail::kernel {

/// `length` values of `count` rows.
void weighted_sum(const float* const* rows, const float* weights, int64_t count, float* y, int64_t length);

}  // namespace vitrail::engine_detail::kernel
