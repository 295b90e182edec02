#pragma once
// Text in pictures: what OpenCV's stroke fonts can draw, and how large it is to be read.

#include <string>
#include <string_view>

namespace vitrail {

/// `text` with '?' for each character that is not printable ASCII: the fonts have no others.
std::string drawable(std::string_view text);

/// Letters of `height` pixels.
struct TextStyle {
  int height = 11;
  int thickness = 1;
  double scale = 1;  ///< OpenCV's
};
TextStyle text_style(int height);
/// Width in pixels.
int text_width(const std::string& text, const TextStyle& style);

constexpr int text_font = 0;  // cv::FONT_HERSHEY_SIMPLEX

}  // namespace vitrail
