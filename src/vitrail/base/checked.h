#pragma once
// Arithmetic on sizes that come from files and users: it throws instead of wrapping around.

#include <cstdint>
#include <string_view>
#include <vector>

namespace vitrail {

/// a*b and a+b; throws Error(limit) naming `what` when the result does not fit in int64_t.
int64_t checked_mul(int64_t a, int64_t b, std::string_view what);
int64_t checked_add(int64_t a, int64_t b, std::string_view what);

/// Product of all `sizes` (1 for none); throws Error(limit) on a negative factor or on overflow.
int64_t checked_product(const std::vector<int64_t>& sizes, std::string_view what);

/// ceil(a / b) and a rounded up to a multiple of b, for a >= 0, b > 0.
constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}
constexpr int64_t round_up(int64_t a, int64_t b) {
  return ceil_div(a, b) * b;
}

}  // namespace vitrail
