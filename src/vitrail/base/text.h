#pragma once
// Small helpers over text: joining, figures for people, and "did you mean".

#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

/// Everything in `parts`, written one after the other: `cat("label ", 19, " at ", x)`.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// "a, b, c"
template <class Items>
std::string join(const Items& items, std::string_view separator = ", ") {
  std::ostringstream out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out << separator;
    out << item;
    first = false;
  }
  return out.str();
}

std::string fixed(double value, int decimals);  ///< 12.345, 1: "12.3"

/// A fraction for people: 0.12345 is "12.35 %", and what is undefined is "absent". In a table whose heading
/// has the unit, `sign` is empty.
std::string percent(double fraction, int decimals = 2, std::string_view sign = " %");
std::string percent(const std::optional<double>& fraction, int decimals = 2, std::string_view sign = " %");

/// The member of `names` nearest to `name` by edit distance, or "" when none is near enough to be a slip of
/// the keyboard.
std::string nearest(std::string_view name, const std::vector<std::string>& names);

/// Text for an unknown name: what was meant (if something is near) and all that exist.
/// `did_you_mean("moblenet", {"mobilenet", "vgg"})` = "Did you mean 'mobilenet'? There are: mobilenet, vgg".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

/// `text` as the inside of a JSON string or of an HTML text node.
std::string json_escaped(std::string_view text);
std::string html_escaped(std::string_view text);

}  // namespace vitrail
