#pragma once
// What people see: a bar while they wait, figures with units.

#include <chrono>
#include <cstdint>
#include <string>

namespace vitrail::cli {

/// A bar on standard error, drawn only if that is a terminal.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  ///< clears the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(int64_t done, int64_t total);

 private:
  std::string what_;
  bool terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_{};
};

/// A line on standard error, above any bar: "vitrail: text".
void complain(const std::string& text);

std::string with_unit(double value, const std::string& unit);  ///< 1234567, "B": "1.23 MB" (powers of 1000)
std::string grouped(int64_t value);                            ///< 1234567: "1,234,567"
std::string aligned_left(const std::string& text, size_t width);   ///< spaces after
std::string aligned_right(const std::string& text, size_t width);  ///< spaces before

}  // namespace vitrail::cli
