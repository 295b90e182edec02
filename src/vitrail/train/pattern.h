#pragma once
// Which parameters a rule is about: shell patterns over parameter names.
//
//   matches("backbone.*", "backbone.Conv2d_0.weight");          // true
//   matches("*.BatchNorm.*", "backbone.Conv2d_0.weight");      // false

#include <string>
#include <string_view>
#include <vector>

namespace vitrail::train {

/// '*' stands for any run of characters (dots too), '?' for one; everything else for itself. The whole name
/// must match.
bool matches(std::string_view pattern, std::string_view name);
bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

/// Throws Error(usage) naming each of `patterns` that matches none of `names`: a rule that does nothing is a
/// slip of the keyboard. `option` is what the user calls the list.
void expect_all_used(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
                     std::string_view option);

}  // namespace vitrail::train
