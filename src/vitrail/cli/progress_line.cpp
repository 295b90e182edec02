#include "vitrail/cli/progress_line.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include <unistd.h>

#include "vitrail/base/text.h"

namespace vitrail::cli {

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_) std::cerr << std::endl;
}

void ProgressLine::show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  clear();
  std::cerr << text << std::flush;
  shown_ = true;
}

void ProgressLine::keep(const std::string& text) {
  clear();
  std::cerr << text << std::endl;
}

void ProgressLine::clear() {
  if (shown_) std::cerr << "\r\x1b[2K";
  shown_ = false;
}

std::string bar(double share, int width) {
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  return cat('[', std::string(static_cast<size_t>(full), '#'),
             std::string(static_cast<size_t>(width - full), '-'), ']');
}

std::string clock_text(double seconds) {
  const auto all = static_cast<long>(std::lround(std::clamp(seconds, 0.0, 1e8)));
  char text[48];
  if (all >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", all / 3600, all / 60 % 60, all % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", all / 60, all % 60);
  return text;
}

}  // namespace vitrail::cli
