#include "vitrail/cli/terminal.h"

#include <array>
#include <cmath>
#include <iostream>

#include <unistd.h>

#include "vitrail/base/text.h"

namespace vitrail::cli {
namespace {

constexpr int bar_width = 30;
const char* const clear_line = "\r\033[K";

bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

}  // namespace

Progress::Progress(std::string what) : what_(std::move(what)), terminal_(stderr_is_terminal()) {}

Progress::~Progress() {
  if (terminal_) std::cerr << clear_line << std::flush;
}

void Progress::show(int64_t done, int64_t total) {
  if (!terminal_ || total <= 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (done < total && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  const auto filled = static_cast<size_t>(bar_width * done / total);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::cerr << clear_line << what_ << " [" << std::string(filled, '#') << std::string(bar_width - filled, '.')
            << "] " << done << "/" << total;
  if (done > 0)
    std::cerr << ", " << fixed(static_cast<double>(done) / seconds, 1) << "/s, "
              << std::lround(seconds / static_cast<double>(done) * static_cast<double>(total - done))
              << " s left";
  std::cerr << std::flush;
}

void complain(const std::string& text) {
  std::cerr << (stderr_is_terminal() ? clear_line : "") << "vitrail: " << text << std::endl;
}

std::string with_unit(double value, const std::string& unit) {
  constexpr std::array prefixes = {"", "k", "M", "G", "T"};
  size_t i = 0;
  while (std::abs(value) >= 1000 && i + 1 < prefixes.size()) {
    value /= 1000;
    ++i;
  }
  return cat(fixed(value, i == 0 ? 0 : 2), " ", prefixes[i], unit);
}

std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  const int64_t first = value < 0 ? 1 : 0;
  for (int64_t i = static_cast<int64_t>(text.size()) - 3; i > first; i -= 3)
    text.insert(static_cast<size_t>(i), 1, ',');
  return text;
}

std::string aligned_left(const std::string& text, size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string aligned_right(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace vitrail::cli
