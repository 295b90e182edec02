#include "vitrail/capi/border.h"

#include <algorithm>
#include <cstddef>

namespace vitrail::capi {

vitrail_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return VITRAIL_USAGE;
    case ErrorKind::file: return VITRAIL_FILE;
    case ErrorKind::format: return VITRAIL_FORMAT;
    case ErrorKind::shape: return VITRAIL_SHAPE;
    case ErrorKind::unsupported: return VITRAIL_UNSUPPORTED;
    case ErrorKind::limit: return VITRAIL_LIMIT;
    case ErrorKind::numeric: return VITRAIL_NUMERIC;
    case ErrorKind::cancelled: break;  // nothing here can be cancelled
  }
  return VITRAIL_INTERNAL;
}

vitrail_status report(vitrail_error* error, vitrail_status status, std::string_view text) noexcept {
  constexpr size_t text_at = offsetof(vitrail_error, text);
  if (error == nullptr || error->size <= text_at) return status;
  error->status = status;
  const size_t room = std::min(error->size - text_at, sizeof error->text);
  const size_t count = std::min(text.size(), room - 1);
  std::copy_n(text.begin(), count, error->text);
  error->text[count] = '\0';
  return status;
}

}  // namespace vitrail::capi
