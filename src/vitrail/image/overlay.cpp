#include "vitrail/image/overlay.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/channels.h"
#include "vitrail/image/drawn_text.h"

namespace vitrail {
namespace {

[[noreturn]] void throw_unknown_label(const LabelMap& labels, uint16_t label, size_t classes) {
  const auto at = std::find(labels.labels.begin(), labels.labels.end(), label) - labels.labels.begin();
  throw Error(ErrorKind::format,
              {.where = "overlay",
               .found = cat("label ", label, " at (", at % labels.width, ",", at / labels.width, ")"),
               .allowed = cat(classes, " classes are named (0..", static_cast<int64_t>(classes) - 1, "), ",
                              LabelMap::ignore_label, " is ignored"),
               .next = "Name a class for each label, or map the labels first"});
}

void check_labels(const LabelMap& labels, const std::vector<ClassShare>& shares, size_t classes) {
  for (const ClassShare& share : shares)
    if (share.label != LabelMap::ignore_label && share.label >= static_cast<int64_t>(classes))
      throw_unknown_label(labels, static_cast<uint16_t>(share.label), classes);
}

// A pixel whose right or lower neighbour has another label.
bool is_border(const LabelMap& labels, int64_t y, int64_t x) {
  const uint16_t label = labels.at(y, x);
  return (x + 1 < labels.width && labels.at(y, x + 1) != label) ||
         (y + 1 < labels.height && labels.at(y + 1, x) != label);
}

// Borders one pixel wide vanish when a large picture is shown on a screen: they grow with it.
int64_t border_width(const LabelMap& labels) {
  return std::max<int64_t>(1, std::min(labels.height, labels.width) / 500);
}

std::vector<uint8_t> border_mask(const LabelMap& labels) {
  cv::Mat mask(static_cast<int>(labels.height), static_cast<int>(labels.width), CV_8U, cv::Scalar(0));
  for (int64_t y = 0; y < labels.height; ++y)
    for (int64_t x = 0; x < labels.width; ++x)
      if (is_border(labels, y, x)) mask.at<uint8_t>(static_cast<int>(y), static_cast<int>(x)) = 1;
  const int wide = static_cast<int>(border_width(labels));
  if (wide > 1) cv::dilate(mask, mask, cv::Mat::ones(wide, wide, CV_8U));
  return {mask.begin<uint8_t>(), mask.end<uint8_t>()};
}

void paint(Image& image, const LabelMap& labels, const std::vector<NamedColor>& classes,
           const OverlayOptions& options) {
  const std::vector<uint8_t> border = options.borders ? border_mask(labels) : std::vector<uint8_t>();
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const uint16_t label = labels.at(y, x);
      if (label == LabelMap::ignore_label) continue;
      const bool full = !border.empty() && border[static_cast<size_t>(y * image.width + x)] != 0;
      const double opacity = full ? 1 : options.opacity;
      uint8_t* pixel = image.at(y, x);
      for (size_t c = 0; c < 3; ++c)
        pixel[c] =
            static_cast<uint8_t>(std::lround(pixel[c] + opacity * (classes[label].color[c] - pixel[c])));
    }
  }
}

// --- The legend ---

struct LegendEntry {
  std::string text;  // "road  43.1 %"
  Rgb color{};
};

// Sizes in pixels. `cell` is one entry: swatch, gap, text.
struct LegendLayout {
  TextStyle text;
  int margin = 0;
  int row = 0;
  int cell = 0;
  int columns = 0;
  int rows = 0;
};

std::string share_text(double share) {
  return share > 0 && share < 0.001 ? "<0.1 %" : percent(share, 1);
}

std::vector<LegendEntry> legend_entries(const std::vector<ClassShare>& shares,
                                        const std::vector<NamedColor>& classes) {
  std::vector<LegendEntry> entries;
  for (const ClassShare& share : shares) {
    const bool ignored = share.label == LabelMap::ignore_label;
    const NamedColor shown =
        ignored ? NamedColor{"(ignored)", {255, 255, 255}} : classes[static_cast<size_t>(share.label)];
    entries.push_back({drawable(shown.name) + "  " + share_text(share.share), shown.color});
  }
  return entries;
}

int widest_text(const std::vector<LegendEntry>& entries, const TextStyle& style) {
  int widest = 0;
  for (const LegendEntry& entry : entries)
    widest = std::max(widest, text_width(entry.text, style));
  return widest;
}

// Letters are 11 pixels high or more, and a fixed part of the picture's width when that is more.
LegendLayout lay_out(const std::vector<LegendEntry>& entries, int64_t width) {
  LegendLayout layout;
  layout.text = text_style(static_cast<int>(std::clamp<int64_t>(width / 70, 11, 400)));
  const int height = layout.text.height;
  layout.margin = height;
  layout.row = 2 * height;
  layout.cell = 3 * height + widest_text(entries, layout.text) + layout.margin;
  const int64_t fitting = (width - layout.margin) / layout.cell;
  layout.columns = static_cast<int>(std::clamp<int64_t>(fitting, 1, static_cast<int64_t>(entries.size())));
  layout.rows = (static_cast<int>(entries.size()) + layout.columns - 1) / layout.columns;
  return layout;
}

cv::Scalar scalar(const Rgb& color) {
  return {double(color[0]), double(color[1]), double(color[2])};
}

void draw_entry(cv::Mat& panel, const LegendEntry& entry, const LegendLayout& layout, cv::Point corner) {
  const int height = layout.text.height;
  const cv::Rect swatch(corner.x, corner.y, 2 * height, height);
  cv::rectangle(panel, swatch, scalar(entry.color), cv::FILLED);
  cv::rectangle(panel, swatch, cv::Scalar(96, 96, 96), layout.text.thickness);
  cv::putText(panel, entry.text, {corner.x + 3 * height, corner.y + height}, text_font, layout.text.scale,
              cv::Scalar(0, 0, 0), layout.text.thickness, cv::LINE_AA);
}

// The photo on a white sheet that is at least as wide as one legend entry, the entries below it, by columns.
Image with_legend(const Image& photo, const std::vector<LegendEntry>& entries) {
  const LegendLayout layout = lay_out(entries, photo.width);
  const int64_t width = std::max<int64_t>(photo.width, layout.margin + layout.cell);
  const int panel_height = layout.rows * layout.row + layout.margin;
  Image sheet(photo.height + panel_height, width, 3, 255);
  for (int64_t y = 0; y < photo.height; ++y)
    std::copy_n(photo.at(y, 0), 3 * photo.width, sheet.at(y, 0));
  cv::Mat panel(panel_height, static_cast<int>(width), CV_8UC3, sheet.at(photo.height, 0));
  for (int i = 0; i < static_cast<int>(entries.size()); ++i) {
    const int column = i / layout.rows, row = i % layout.rows;
    draw_entry(panel, entries[static_cast<size_t>(i)], layout,
               {layout.margin + column * layout.cell, layout.margin + row * layout.row});
  }
  return sheet;
}

void check_arguments(const Image& photo, const LabelMap& labels, const OverlayOptions& options) {
  if (photo.channels < 1 || photo.height != labels.height || photo.width != labels.width)
    throw Error(ErrorKind::shape,
                {.where = "overlay",
                 .found = cat("a photo of ", photo.width, "x", photo.height, " with ", photo.channels,
                              " channels and a label map of ", labels.width, "x", labels.height),
                 .allowed = "a photo and a label map of the same size"});
  if (!(options.opacity >= 0 && options.opacity <= 1))
    throw Error(ErrorKind::usage,
                {.where = "overlay", .found = cat("opacity ", options.opacity), .allowed = "0 to 1"});
}

}  // namespace

std::vector<ClassShare> class_shares(const LabelMap& labels) {
  std::vector<int64_t> counts(65536);
  for (const uint16_t label : labels.labels)
    ++counts[label];
  std::vector<ClassShare> shares;
  const auto all = static_cast<double>(labels.labels.size());
  for (size_t label = 0; label < counts.size(); ++label)
    if (counts[label] > 0)
      shares.push_back(
          {static_cast<int64_t>(label), counts[label], static_cast<double>(counts[label]) / all});
  std::stable_sort(shares.begin(), shares.end(),
                   [](const ClassShare& a, const ClassShare& b) { return a.pixels > b.pixels; });
  return shares;
}

Image overlay(const Image& photo, const LabelMap& labels, const std::vector<NamedColor>& classes,
              const OverlayOptions& options) {
  check_arguments(photo, labels, options);
  const std::vector<ClassShare> shares = class_shares(labels);
  check_labels(labels, shares, classes.size());
  Image shown = color_view(photo);
  paint(shown, labels, classes, options);
  return options.legend && !shares.empty() ? with_legend(shown, legend_entries(shares, classes)) : shown;
}

Image colorize(const LabelMap& labels, const std::vector<NamedColor>& classes) {
  return overlay(Image(labels.height, labels.width), labels, classes,
                 {.opacity = 1, .borders = false, .legend = false});
}

}  // namespace vitrail
