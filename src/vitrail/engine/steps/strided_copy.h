#pragma once
// The copy under Transpose, Slice, Expand, changes of layout and their like: a dense result whose elements
// lie at regular distances in the source.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vitrail::engine_detail {

struct StridedCopy {
  int64_t element_bytes = 4;
  int64_t base = 0;              ///< the first element's position in the source, in elements
  std::vector<int64_t> sizes;    ///< of the result, slowest dimension first
  std::vector<int64_t> strides;  ///< of the source along them, in elements; 0 repeats

  /// Whether the result is just the source's bytes.
  bool is_plain() const;
};

/// Drops dimensions of size 1 and joins those that walk as one.
StridedCopy simplified(const StridedCopy& copy);
/// Over threads; `copy` is simplified.
void run(const StridedCopy& copy, const std::byte* from, std::byte* to);

}  // namespace vitrail::engine_detail
