#include "vitrail/nets/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

template <class Number>
Number parsed(const std::string& network, const std::string& key, const std::string& text, const char* kind) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::usage,
                {.where = cat(network, " option ", key), .found = cat("'", text, "'"), .allowed = kind});
  return value;
}

}  // namespace

const std::string* OptionReader::find(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const auto found = set_.find(key);
  return found == set_.end() ? nullptr : &found->second;
}

double OptionReader::number(const std::string& key, double fallback) {
  const std::string* text = find(key);
  if (text == nullptr) return fallback;
  const auto value = parsed<double>(network_, key, *text, "a number is needed");
  if (!std::isfinite(value))
    throw Error(
        ErrorKind::usage,
        {.where = cat(network_, " option ", key), .found = *text, .allowed = "a finite number is needed"});
  return value;
}

int64_t OptionReader::integer(const std::string& key, int64_t fallback) {
  const std::string* text = find(key);
  return text == nullptr ? fallback : parsed<int64_t>(network_, key, *text, "a whole number is needed");
}

std::string OptionReader::text(const std::string& key, const std::string& fallback) {
  const std::string* text = find(key);
  return text == nullptr ? fallback : *text;
}

bool OptionReader::flag(const std::string& key, bool fallback) {
  const int64_t value = integer(key, fallback ? 1 : 0);
  if (value != 0 && value != 1)
    throw Error(ErrorKind::usage,
                {.where = cat(network_, " option ", key), .found = cat(value), .allowed = "0 or 1"});
  return value == 1;
}

std::vector<int64_t> OptionReader::integers(const std::string& key, const std::vector<int64_t>& fallback) {
  const std::string* text = find(key);
  if (text == nullptr) return fallback;
  std::vector<int64_t> values;
  std::istringstream in(*text);
  for (std::string part; std::getline(in, part, ',');)
    values.push_back(parsed<int64_t>(network_, key, part, "whole numbers with commas between are needed"));
  return values;
}

std::vector<double> OptionReader::numbers(const std::string& key, const std::vector<double>& fallback) {
  const std::string* text = find(key);
  if (text == nullptr) return fallback;
  std::vector<double> values;
  std::istringstream in(*text);
  for (std::string part; std::getline(in, part, ',');)
    values.push_back(parsed<double>(network_, key, part, "numbers with commas between are needed"));
  return values;
}

size_t OptionReader::choice(const std::string& key, const std::vector<std::string>& words, size_t fallback) {
  const std::string* text = find(key);
  if (text == nullptr) return fallback;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found == words.end())
    throw Error(ErrorKind::usage, {.where = cat(network_, " option ", key),
                                   .found = cat("'", *text, "'"),
                                   .allowed = join(words, " or ")});
  return static_cast<size_t>(found - words.begin());
}

void OptionReader::finish() const {
  for (const auto& [key, value] : set_)
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
      throw Error(
          ErrorKind::usage,
          {.where = network_, .found = cat("no option '", key, "'"), .next = did_you_mean(key, known_)});
}

}  // namespace vitrail
