#include "vitrail/image/instance_overlay.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/drawn_text.h"
#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

cv::Scalar scalar(const Rgb& color) {
  return {double(color[0]), double(color[1]), double(color[2])};
}

double luma(const Rgb& color) {
  return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
}

/// Lines one pixel wide vanish when a large picture is shown on a screen: they grow with it.
int line_width(const Image& photo) {
  return static_cast<int>(std::max<int64_t>(1, std::min(photo.height, photo.width) / 300));
}

/// body(x, first y, y behind the last) for each run of set pixels within a column.
template <class Body>
void for_each_run(const Rle& rle, const Body& body) {
  int64_t position = 0;
  for (size_t i = 0; i < rle.counts.size(); ++i) {
    const int64_t end = position + rle.counts[i];
    while (i % 2 == 1 && position < end) {
      const int64_t x = position / rle.height, y = position % rle.height;
      const int64_t last = std::min(rle.height, y + end - position);
      body(x, y, last);
      position += last - y;
    }
    position = end;
  }
}

void check(const Image& photo, const std::vector<DrawnInstance>& instances,
           const InstanceOverlayOptions& options) {
  if (photo.channels != 3)
    throw Error(ErrorKind::shape, {.where = "overlay",
                                   .found = cat("a photo of ", photo.channels, " channels"),
                                   .allowed = "an RGB photo"});
  if (!(options.opacity >= 0 && options.opacity <= 1))
    throw Error(ErrorKind::usage,
                {.where = "overlay", .found = cat("opacity ", options.opacity), .allowed = "0 to 1"});
  for (const DrawnInstance& instance : instances)
    if (!instance.mask.counts.empty() &&
        (instance.mask.height != photo.height || instance.mask.width != photo.width))
      throw Error(ErrorKind::shape,
                  {.where = "overlay",
                   .found = cat("a mask of ", instance.mask.width, "x", instance.mask.height),
                   .allowed = cat("the photo's ", photo.width, "x", photo.height)});
}

class Painter {
 public:
  Painter(Image& photo, const InstanceOverlayOptions& options)
      : photo_(photo),
        options_(options),
        canvas_(static_cast<int>(photo.height), static_cast<int>(photo.width), CV_8UC3, photo.pixels.data()),
        line_(line_width(photo)),
        style_(text_style(static_cast<int>(std::clamp<int64_t>(photo.width / 70, 9, 400)))) {}

  void paint(const DrawnInstance& instance) {
    const bool masked = !instance.mask.counts.empty();
    if (masked) {
      fill(instance);
      outline(instance);
    }
    if (!masked || options_.boxes)
      cv::rectangle(canvas_, pixel(instance.box[0], instance.box[1]), pixel(instance.box[2], instance.box[3]),
                    scalar(instance.color), line_);
  }

  void label(const DrawnInstance& instance) {
    const std::string text = drawable(instance.label);
    if (!options_.labels || text.empty()) return;
    const int margin = std::max(2, style_.height / 4), height = style_.height + 2 * margin;
    const int width = text_width(text, style_) + 2 * margin;
    const cv::Point at = pixel(instance.box[0], instance.box[1]);
    const int left = std::clamp(at.x, 0, std::max(0, canvas_.cols - width));
    const int top = std::clamp(at.y - height, 0, std::max(0, canvas_.rows - height));
    cv::rectangle(canvas_, cv::Rect(left, top, width, height), scalar(instance.color), cv::FILLED);
    const cv::Scalar ink = cv::Scalar::all(luma(instance.color) > 128 ? 0 : 255);
    cv::putText(canvas_, text, {left + margin, top + margin + style_.height}, text_font, style_.scale, ink,
                style_.thickness, cv::LINE_AA);
  }

 private:
  static cv::Point pixel(float x, float y) {
    return {static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y))};
  }

  void fill(const DrawnInstance& instance) {
    std::array<std::array<uint8_t, 256>, 3> mixed;
    for (size_t c = 0; c < 3; ++c)
      for (size_t v = 0; v < 256; ++v)
        mixed[c][v] = static_cast<uint8_t>(std::lround(
            static_cast<double>(v) + options_.opacity * (instance.color[c] - static_cast<double>(v))));
    for_each_run(instance.mask, [&](int64_t x, int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        uint8_t* pixel = photo_.at(y, x);
        for (size_t c = 0; c < 3; ++c)
          pixel[c] = mixed[c][pixel[c]];
      }
    });
  }

  void outline(const DrawnInstance& instance) {
    const std::array<double, 4> window = bounds(instance.mask);
    const int left = static_cast<int>(window[0]), top = static_cast<int>(window[1]);
    if (window[2] < 1 || window[3] < 1) return;
    cv::Mat mask(static_cast<int>(window[3]), static_cast<int>(window[2]), CV_8U, cv::Scalar(0));
    for_each_run(instance.mask, [&](int64_t x, int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y)
        mask.at<uint8_t>(static_cast<int>(y) - top, static_cast<int>(x) - left) = 1;
    });
    std::vector<std::vector<cv::Point>> contours;
    cv::findContours(mask, contours, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE, {left, top});
    cv::drawContours(canvas_, contours, -1, scalar(instance.color), line_, cv::LINE_AA);
  }

  Image& photo_;
  const InstanceOverlayOptions& options_;
  cv::Mat canvas_;  ///< the photo's pixels
  int line_;
  TextStyle style_;
};

}  // namespace

Image instance_overlay(Image photo, const std::vector<DrawnInstance>& instances,
                       const InstanceOverlayOptions& options) {
  check(photo, instances, options);
  Painter painter(photo, options);
  for (auto instance = instances.rbegin(); instance != instances.rend(); ++instance)
    painter.paint(*instance);
  for (auto instance = instances.rbegin(); instance != instances.rend(); ++instance)
    painter.label(*instance);
  return photo;
}

namespace {

/// The palette's bright colours.
std::vector<Rgb> bright_colors() {
  constexpr int64_t tried = 256;
  std::vector<Rgb> bright;
  for (const Rgb& color : distinct_palette(tried))
    if (const auto [low, high] = std::minmax_element(color.begin(), color.end());
        *high >= 160 && *high - *low >= 96)
      bright.push_back(color);
  std::rotate(bright.begin(), bright.begin() + 1, bright.end());  // red hides on skin: last
  return bright;
}

}  // namespace

std::vector<Rgb> instance_colors(int64_t count) {
  static const std::vector<Rgb> bright = bright_colors();
  std::vector<Rgb> colors;
  for (int64_t i = 0; i < count; ++i)
    colors.push_back(bright[static_cast<size_t>(i) % bright.size()]);
  return colors;
}

LabelMap instance_numbers(const std::vector<Rle>& masks, int64_t height, int64_t width) {
  if (masks.size() > 65535)
    throw Error(ErrorKind::limit,
                {.where = "instance numbers", .found = cat(masks.size(), " masks"), .allowed = "65535"});
  LabelMap numbers(height, width);
  for (size_t i = masks.size(); i-- > 0;)
    for_each_run(masks[i], [&](int64_t x, int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y)
        numbers.at(y, x) = static_cast<uint16_t>(i + 1);
    });
  return numbers;
}

}  // namespace vitrail
