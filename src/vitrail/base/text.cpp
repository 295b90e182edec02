#include "vitrail/base/text.h"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <numeric>

namespace vitrail {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string fixed(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

std::string percent(double fraction, int decimals, std::string_view sign) {
  return cat(fixed(100 * fraction, decimals), sign);
}

std::string percent(const std::optional<double>& fraction, int decimals, std::string_view sign) {
  return fraction ? percent(*fraction, decimals, sign) : "absent";
}

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  const auto nearest_by = [&](size_t limit, const auto& distance_to) {
    std::string best;
    for (const std::string& candidate : names)
      if (const size_t distance = distance_to(candidate); distance < limit) {
        limit = distance;
        best = candidate;
      }
    return best;
  };
  const std::string whole =
      nearest_by(std::max<size_t>(2, name.size() / 2) + 1,
                 [&](const std::string& candidate) { return edit_distance(name, candidate); });
  if (!whole.empty() || name.size() < 4) return whole;
  return nearest_by(3, [&](const std::string& candidate) {  // the beginning of a longer name
    return edit_distance(name, std::string_view(candidate).substr(0, name.size()));
  });
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string near = nearest(name, names);
  return cat(near.empty() ? "" : cat("Did you mean '", near, "'? "), "There are: ", join(names));
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", byte);
      out += code;
    } else {
      out += c;
    }
  }
  return out;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace vitrail
