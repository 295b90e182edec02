#include "vitrail/train/report_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

// The drawing's own units.
constexpr double width = 640, height = 260, left = 56, right = 14, top = 14, bottom = 38;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  double share(double value) const { return (value - low) / (high - low); }
};

/// 1, 2 or 5 times a power of ten: about five ticks over the range.
double tick_step(double span) {
  const double raw = span / 5, power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power * 1.0001) return factor * power;
  return 10 * power;
}

std::vector<double> ticks(Range& range) {
  if (range.high - range.low < 1e-12 * std::max(1.0, std::abs(range.high))) range.high = range.low + 1;
  const double step = tick_step(range.high - range.low);
  range.low = std::floor(range.low / step + 1e-9) * step;
  range.high = std::ceil(range.high / step - 1e-9) * step;
  std::vector<double> values;
  for (double value = range.low; value <= range.high + step / 2; value += step)
    values.push_back(std::abs(value) < step / 1e6 ? 0 : value);
  return values;
}

Series thinned(const Series& series) {
  constexpr size_t most = 600;
  const size_t n = series.x.size();
  if (n <= most) return series;
  Series result{series.name, {}, {}, series.color};
  for (size_t i = 0; i < most; ++i) {
    const size_t first = i * n / most, last = (i + 1) * n / most;
    double sum = 0;
    for (size_t k = first; k < last; ++k)
      sum += series.y[k];
    result.x.push_back(series.x[last - 1]);
    result.y.push_back(sum / static_cast<double>(last - first));
  }
  return result;
}

std::string fixed1(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", value);
  return buffer;
}

std::string label(double value, bool percent) {
  return percent ? short_number(100 * value) : short_number(value);
}

struct Frame {
  Range x, y;
  std::string px(double value) const { return fixed1(left + x.share(value) * (width - left - right)); }
  std::string py(double value) const {
    return fixed1(height - bottom - y.share(value) * (height - top - bottom));
  }
};

std::string grid(const Frame& frame, const std::vector<double>& x_ticks, const std::vector<double>& y_ticks,
                 const Chart& chart) {
  std::string svg;
  for (const double value : y_ticks)
    svg +=
        cat("<line class=\"grid\" x1=\"", left, "\" x2=\"", width - right, "\" y1=\"", frame.py(value),
            "\" y2=\"", frame.py(value), "\"/><text x=\"", left - 8, "\" y=\"", frame.py(value),
            "\" text-anchor=\"end\" dominant-baseline=\"middle\">", label(value, chart.percent), "</text>\n");
  for (const double value : x_ticks)
    svg += cat("<text x=\"", frame.px(value), "\" y=\"", height - bottom + 18, "\" text-anchor=\"middle\">",
               label(value, false), "</text>\n");
  return svg + cat("<text x=\"", width - right, "\" y=\"", height - 4, "\" text-anchor=\"end\">",
                   html_escaped(chart.x_label), "</text>\n");
}

std::string line(const Frame& frame, const Series& series, bool percent) {
  std::string points, marks;
  for (size_t i = 0; i < series.x.size(); ++i) {
    const std::string x = frame.px(series.x[i]), y = frame.py(series.y[i]);
    points += cat(i == 0 ? "" : " ", x, ",", y);
    marks += cat("<circle cx=\"", x, "\" cy=\"", y, "\" r=\"", series.x.size() <= 60 ? 3 : 1.5, "\"><title>",
                 html_escaped(series.name), " ", label(series.y[i], percent), percent ? " %" : "",
                 " at step ", short_number(series.x[i]), "</title></circle>");
  }
  return cat("<g style=\"color:", series.color, "\"><polyline class=\"curve\" points=\"", points, "\"/>",
             marks, "</g>\n");
}

std::string legend(const Chart& chart) {
  std::string html;
  for (const Series& series : chart.series)
    html +=
        cat("<span><i style=\"background:", series.color, "\"></i>", html_escaped(series.name), "</span> ");
  return html;
}

}  // namespace

std::string short_number(double value) {
  char buffer[32];
  const double size = std::abs(value);
  if (value == std::round(value) && size < 1e7)
    std::snprintf(buffer, sizeof buffer, "%.0f", value);
  else
    std::snprintf(buffer, sizeof buffer, "%.3g", value);
  return buffer;
}

std::string svg_chart(const Chart& chart) {
  Frame frame;
  std::vector<Series> all;
  for (const Series& series : chart.series) {
    all.push_back(thinned(series));
    for (const double x : all.back().x)
      frame.x.take(x);
    for (const double y : all.back().y)
      frame.y.take(y);
  }
  if (!(frame.x.low <= frame.x.high)) return "";  // nothing to draw
  if (chart.from_zero) frame.y.take(0);
  frame.x.take(0);
  const std::vector<double> x_ticks = ticks(frame.x), y_ticks = ticks(frame.y);
  std::string svg =
      cat("<figure class=\"chart\"><figcaption>", html_escaped(chart.title), " ", legend(chart),
          "</figcaption>\n<svg viewBox=\"0 0 ", width, " ", height, "\" role=\"img\" aria-label=\"",
          html_escaped(chart.title), "\">\n", grid(frame, x_ticks, y_ticks, chart));
  for (const Series& series : all)
    svg += line(frame, series, chart.percent);
  return svg + "</svg></figure>\n";
}

}  // namespace vitrail::train
