#pragma once
// Line charts as inline SVG, for report.html. Private to the report.

#include <string>
#include <vector>

namespace vitrail::train {

struct Series {
  std::string name;
  std::vector<double> x, y;  ///< as many of each
  std::string color;         ///< a CSS colour
};

struct Chart {
  std::string title;
  std::string x_label;
  std::vector<Series> series;
  bool from_zero = true;  ///< the vertical axis begins at 0
  bool percent = false;   ///< y is a fraction, labelled in percent
};

/// An <svg> that takes the width of its container. Text and lines take the page's colours (currentColor);
/// each marked point says its values on hover. A series of more than 600 points is thinned to as many means.
std::string svg_chart(const Chart& chart);

/// `value` for people: three significant digits, without an exponent where that stays short.
std::string short_number(double value);

}  // namespace vitrail::train
