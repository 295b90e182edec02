#include "vitrail/image/drawn_text.h"

#include <algorithm>
#include <cstdint>

#include <opencv2/imgproc.hpp>

namespace vitrail {

static_assert(text_font == cv::FONT_HERSHEY_SIMPLEX);

std::string drawable(std::string_view text) {
  std::string drawn;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte & 0xC0) == 0x80) continue;  // the rest of a character that is already shown as '?'
    drawn += byte >= 32 && byte < 127 ? c : '?';
  }
  return drawn;
}

TextStyle text_style(int height) {
  TextStyle style{.height = height, .thickness = std::max(1, height / 11)};
  style.scale = cv::getFontScaleFromHeight(text_font, height, style.thickness);
  return style;
}

int text_width(const std::string& text, const TextStyle& style) {
  int baseline = 0;
  return cv::getTextSize(text, text_font, style.scale, style.thickness, &baseline).width;
}

}  // namespace vitrail
