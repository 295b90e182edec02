#include "vitrail/video/frame_rate.h"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "vitrail/base/text.h"
#include "vitrail/image/drawn_text.h"

namespace vitrail {

void FrameRate::count(Clock::time_point now) {
  passed_.push_back(now);
  while (passed_.size() > 2 && now - passed_.front() > std::chrono::seconds(1))
    passed_.pop_front();
}

double FrameRate::per_second() const {
  if (passed_.size() < 2) return 0;
  const double seconds = std::chrono::duration<double>(passed_.back() - passed_.front()).count();
  return seconds > 0 ? static_cast<double>(passed_.size() - 1) / seconds : 0;
}

void FrameRate::write_into(Image& frame) const {
  const std::string text = fixed(per_second(), 1) + " fps";
  const TextStyle style = text_style(static_cast<int>(std::clamp<int64_t>(frame.height / 30, 9, 100)));
  const int margin = style.height / 2, height = style.height + 2 * margin;
  cv::Mat canvas(static_cast<int>(frame.height), static_cast<int>(frame.width), CV_8UC3, frame.pixels.data());
  cv::rectangle(canvas, cv::Rect(0, canvas.rows - height, text_width(text, style) + 2 * margin, height),
                cv::Scalar::all(0), cv::FILLED);
  cv::putText(canvas, text, {margin, canvas.rows - margin}, text_font, style.scale, cv::Scalar::all(255),
              style.thickness, cv::LINE_AA);
}

}  // namespace vitrail
