#pragma once
// One line of a terminal that is rewritten as work goes on; plain lines where the output is no terminal.

#include <chrono>
#include <string>

namespace vitrail::cli {

class ProgressLine {
 public:
  ProgressLine();
  /// Ends the line, so that what follows starts on its own.
  ~ProgressLine();

  /// Replaces the line; at most ten times a second, and not at all where standard error is no terminal.
  void show(const std::string& text);
  /// Writes a line that stays.
  void keep(const std::string& text);

 private:
  void clear();

  bool terminal_ = false;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// "[#####-----]", `width` characters between the brackets.
std::string bar(double share, int width = 24);
/// "1:02:03", "4:05".
std::string clock_text(double seconds);

}  // namespace vitrail::cli
