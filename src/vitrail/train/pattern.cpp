#include "vitrail/train/pattern.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {

bool matches(std::string_view pattern, std::string_view name) {
  // Greedy with one point of return: enough for '*', and linear in memory and quadratic in time at worst.
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

void expect_all_used(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
                     std::string_view option) {
  std::vector<std::string> unused;
  for (const std::string& pattern : patterns)
    if (std::none_of(names.begin(), names.end(),
                     [&](const std::string& name) { return matches(pattern, name); }))
      unused.push_back(cat("'", pattern, "'"));
  if (unused.empty()) return;
  throw Error(ErrorKind::usage,
              {.where = std::string(option),
               .found = cat("no parameter is matched by ", join(unused)),
               .allowed = names.empty() ? "there are no parameters"
                                        : cat("patterns over names such as '", names.front(), "' and '",
                                              names.back(), "' ('*' stands for any characters)"),
               .next = "`vitrail inspect NET --json` lists all parameters"});
}

}  // namespace vitrail::train
