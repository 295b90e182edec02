#pragma once
// Collects what is wrong with a set of options, so that a user is told all of it at once. Private to data/.
//
//   OptionFaults faults("loader");
//   faults.range("threads", options.threads, 1, 256);
//   faults.expect(min <= max, "min ", min, " exceeds max ", max);
//   faults.raise();   // throws Error(usage) if anything was wrong

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

class OptionFaults {
 public:
  explicit OptionFaults(std::string where) : where_(std::move(where)) {}

  /// NaN is out of every range.
  template <class Number>
  void range(std::string_view name, Number value, std::type_identity_t<Number> low,
             std::type_identity_t<Number> high) {
    expect(value >= low && value <= high, name, " is ", value, ", allowed are ", low, " to ", high);
  }
  template <class... Text>
  void expect(bool sound, const Text&... text) {
    if (!sound) faults_.push_back(cat(text...));
  }
  void raise() const {
    if (!faults_.empty()) throw Error(ErrorKind::usage, {.where = where_, .found = join(faults_, "; ")});
  }

 private:
  std::string where_;
  std::vector<std::string> faults_;
};

}  // namespace vitrail
