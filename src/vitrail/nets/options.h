#pragma once
// `--set key=value` options of a network, read with types and checked for unknown keys.
//
//   OptionReader read("mobilenet", options.set);
//   mobile.depth_multiplier = read.number("depth_multiplier", mobile.depth_multiplier);
//   read.finish();   // throws Error(usage) naming the keys that nobody asked for, and those that exist

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vitrail {

class OptionReader {
 public:
  OptionReader(std::string network, const std::map<std::string, std::string>& set)
      : network_(std::move(network)), set_(set) {}

  double number(const std::string& key, double fallback);
  int64_t integer(const std::string& key, int64_t fallback);
  std::string text(const std::string& key, const std::string& fallback);
  /// 0 or 1.
  bool flag(const std::string& key, bool fallback);
  /// Whole numbers with commas between: "1,2,3,6".
  std::vector<int64_t> integers(const std::string& key, const std::vector<int64_t>& fallback);
  /// Numbers with commas between: "0.1,0.25".
  std::vector<double> numbers(const std::string& key, const std::vector<double>& fallback);
  /// The index of a word in `words`.
  size_t choice(const std::string& key, const std::vector<std::string>& words, size_t fallback);
  void finish() const;

 private:
  const std::string* find(const std::string& key);

  std::string network_;
  const std::map<std::string, std::string>& set_;
  std::vector<std::string> known_;
};

}  // namespace vitrail
