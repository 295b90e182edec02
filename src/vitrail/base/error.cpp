#include "vitrail/base/error.h"

namespace vitrail {

std::string error_text(const ErrorParts& parts) {
  std::string text = parts.where;
  auto append = [&text](const std::string& part, const char* separator) {
    if (part.empty()) return;
    if (!text.empty()) text += separator;
    text += part;
  };
  append(parts.found, ": ");
  append(parts.allowed, parts.found.empty() ? ": " : "; ");
  const auto ended = [&text] { return text.ends_with('.') || text.ends_with('?'); };
  append(parts.next, ended() ? " " : ". ");
  if (!text.empty() && !ended()) text += '.';
  return text;
}

Error::Error(ErrorKind kind, const ErrorParts& parts)
    : std::runtime_error(error_text(parts)), kind_(kind), parts_(parts) {}

}  // namespace vitrail
