#pragma once
// Errors of the user's making: what Vitrail throws when a file, an argument, a shape or a value is not what
// it must be.
//
// The library never prints, exits or aborts. A function that cannot do what it was asked throws
// `vitrail::Error`, whose text always answers: where, what was found, what is allowed, what to do next. Our
// own faults are `assert`s instead.
//
//   throw Error(ErrorKind::format, {.where = "frame_0042.png",
//                                   .found = "label 19 at (312,88)",
//                                   .allowed = "19 classes are declared (0..18), 255 is ignored",
//                                   .next = "Map it with label_map, or declare 20 classes"});
//   // frame_0042.png: label 19 at (312,88); 19 classes are declared (0..18), 255 is ignored. Map it with
//   label_map,
//   // or declare 20 classes.

#include <stdexcept>
#include <string>

namespace vitrail {

/// What kind of fault it is, for programs that react to it. The text is for people.
enum class ErrorKind {
  usage,        ///< a wrong argument, option, name or recipe key
  file,         ///< a file is missing, unreadable or could not be written
  format,       ///< the bytes of a file are not what its format demands (truncated, corrupt, malicious)
  shape,        ///< tensors whose shapes do not fit together, or an image of an unusable size
  unsupported,  ///< well-formed, but not something this build can do
  limit,        ///< larger than the stated bound (memory, size, count)
  numeric,      ///< a non-finite or otherwise impossible number
  cancelled,    ///< the caller's cancellation callback said stop
};

/// The parts of an error's text; leave a part empty where it would say nothing.
struct ErrorParts {
  std::string where;    ///< file, line, pixel, key, node: the narrowest place that is known
  std::string found;    ///< what was there
  std::string allowed;  ///< what may be there
  std::string next;     ///< what the user can do about it
};

/// "where: found; allowed. next." with the empty parts left out.
std::string error_text(const ErrorParts& parts);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const ErrorParts& parts);

  ErrorKind kind() const { return kind_; }
  const ErrorParts& parts() const { return parts_; }

 private:
  ErrorKind kind_;
  ErrorParts parts_;
};

}  // namespace vitrail
