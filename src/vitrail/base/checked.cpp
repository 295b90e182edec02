#include "vitrail/base/checked.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

int64_t checked_mul(int64_t a, int64_t b, std::string_view what) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product))
    throw Error(ErrorKind::limit,
                {.where = std::string(what), .found = cat(a, " x ", b, " is too large a size")});
  return product;
}

int64_t checked_add(int64_t a, int64_t b, std::string_view what) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum))
    throw Error(ErrorKind::limit,
                {.where = std::string(what), .found = cat(a, " + ", b, " is too large a size")});
  return sum;
}

int64_t checked_product(const std::vector<int64_t>& sizes, std::string_view what) {
  int64_t product = 1;
  for (int64_t size : sizes) {
    if (size < 0)
      throw Error(ErrorKind::limit,
                  {.where = std::string(what), .found = cat("size ", size, " is negative")});
    product = checked_mul(product, size, what);
  }
  return product;
}

}  // namespace vitrail
