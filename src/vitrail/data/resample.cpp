#include "vitrail/data/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace vitrail {
namespace {

/// Which source pixels make output pixel i, and with what weights (they sum to 1).
struct Taps {
  int64_t first = 0;
  std::vector<float> weights;
};

Taps taps_of(int64_t i, int64_t in, int64_t out) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  Taps taps;
  if (step > 1) {  // shrinking: the average over [i, i+1) * step
    const double begin = static_cast<double>(i) * step, end = begin + step;
    taps.first = static_cast<int64_t>(begin);
    const int64_t last = std::min(in - 1, static_cast<int64_t>(std::ceil(end)) - 1);
    for (int64_t k = taps.first; k <= last; ++k) {
      const double overlap =
          std::min(end, static_cast<double>(k + 1)) - std::max(begin, static_cast<double>(k));
      taps.weights.push_back(static_cast<float>(std::max(0.0, overlap) / step));
    }
    return taps;
  }
  const double centre =
      std::clamp((static_cast<double>(i) + 0.5) * step - 0.5, 0.0, static_cast<double>(in - 1));
  taps.first = std::min(static_cast<int64_t>(centre), std::max<int64_t>(in - 2, 0));
  const auto fraction = static_cast<float>(centre - static_cast<double>(taps.first));
  taps.weights = in == 1 ? std::vector<float>{1} : std::vector<float>{1 - fraction, fraction};
  return taps;
}

/// The source pixel nearest to each of `out` pixels: floor((i + 0.5) * in / out).
std::vector<int64_t> nearest_table(int64_t in, int64_t out) {
  std::vector<int64_t> table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i)
    table[static_cast<size_t>(i)] = std::min(in - 1, (2 * i + 1) * in / (2 * out));
  return table;
}

uint8_t to_byte(float v) {
  return static_cast<uint8_t>(std::clamp(v + 0.5f, 0.0f, 255.0f));
}

/// The source columns that the window's columns read: [first, last).
struct Span {
  int64_t first = 0, last = 0;
};

Span columns_read(const std::vector<Taps>& columns) {
  Span span{columns.front().first, 0};
  for (const Taps& t : columns)
    span.last = std::max(span.last, t.first + static_cast<int64_t>(t.weights.size()));
  return span;
}

/// One row of the scaled image before its columns are mixed: long contiguous loops, which vectorise.
void mix_rows(const Image& source, const Taps& rows, Span span, std::vector<float>& out) {
  const auto count = (span.last - span.first) * source.channels;
  std::fill(out.begin(), out.end(), 0.0f);
  for (size_t k = 0; k < rows.weights.size(); ++k) {
    const uint8_t* row = source.at(rows.first + static_cast<int64_t>(k), span.first);
    const float weight = rows.weights[k];
    float* sum = out.data();
    for (int64_t i = 0; i < count; ++i)
      sum[i] += weight * row[i];
  }
}

template <int channels>
void mix_columns(const std::vector<float>& row, const std::vector<Taps>& columns, Span span, uint8_t* out) {
  for (const Taps& taps : columns) {
    const float* first = row.data() + (taps.first - span.first) * channels;
    float sum[channels] = {};
    for (const float weight : taps.weights)
      for (int c = 0; c < channels; ++c)
        sum[c] += weight * *first++;
    for (int c = 0; c < channels; ++c)
      *out++ = to_byte(sum[c]);
  }
}

/// The same for any number of channels.
void mix_all_columns(const std::vector<float>& row, const std::vector<Taps>& columns, Span span,
                     int64_t channels, uint8_t* out) {
  std::vector<float> sums(static_cast<size_t>(channels));
  for (const Taps& taps : columns) {
    const float* first = row.data() + (taps.first - span.first) * channels;
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (const float weight : taps.weights)
      for (float& sum : sums)
        sum += weight * *first++;
    out = std::transform(sums.begin(), sums.end(), out, to_byte);
  }
}

void fill_image(Image& image, const Fill& fill) {
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = fill[i % static_cast<size_t>(image.channels)];
}

Image upright(const Image& source, const View& view, const Fill& fill) {
  Image out(view.height, view.width, source.channels);
  const int64_t y0 = std::max<int64_t>(0, -view.top), x0 = std::max<int64_t>(0, -view.left);
  const int64_t y1 = std::min(view.height, view.scaled_height - view.top);
  const int64_t x1 = std::min(view.width, view.scaled_width - view.left);
  if (y0 > 0 || x0 > 0 || y1 < view.height || x1 < view.width) fill_image(out, fill);
  if (y0 >= y1 || x0 >= x1) return out;
  std::vector<Taps> columns;
  for (int64_t x = x0; x < x1; ++x)
    columns.push_back(taps_of(view.left + x, source.width, view.scaled_width));
  const Span span = columns_read(columns);
  std::vector<float> row(static_cast<size_t>((span.last - span.first) * source.channels));
  for (int64_t y = y0; y < y1; ++y) {
    mix_rows(source, taps_of(view.top + y, source.height, view.scaled_height), span, row);
    switch (source.channels) {
      case 1: mix_columns<1>(row, columns, span, out.at(y, x0)); break;
      case 3: mix_columns<3>(row, columns, span, out.at(y, x0)); break;
      default: mix_all_columns(row, columns, span, source.channels, out.at(y, x0));
    }
  }
  return out;
}

/// Where the centre of a window's pixel lies on the unturned canvas, in pixel coordinates (centres at .5).
struct Turn {
  double cos, sin, centre_y, centre_x;
  explicit Turn(const View& v)
      : cos(std::cos(v.degrees * std::numbers::pi / 180)),
        sin(std::sin(v.degrees * std::numbers::pi / 180)),
        centre_y(0.5 * static_cast<double>(v.scaled_height)),
        centre_x(0.5 * static_cast<double>(v.scaled_width)) {}
  std::array<double, 2> source(int64_t y, int64_t x) const {
    const double dy = static_cast<double>(y) + 0.5 - centre_y, dx = static_cast<double>(x) + 0.5 - centre_x;
    return {centre_y + cos * dy + sin * dx, centre_x + cos * dx - sin * dy};
  }
};

bool inside(const std::array<double, 2>& yx, int64_t height, int64_t width) {
  return yx[0] >= 0 && yx[1] >= 0 && yx[0] < static_cast<double>(height) &&
         yx[1] < static_cast<double>(width);
}

void bilinear(const Image& image, double y, double x, uint8_t* out) {
  y = std::clamp(y - 0.5, 0.0, static_cast<double>(image.height - 1));
  x = std::clamp(x - 0.5, 0.0, static_cast<double>(image.width - 1));
  const auto y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
  const int64_t y1 = std::min(y0 + 1, image.height - 1), x1 = std::min(x0 + 1, image.width - 1);
  const auto v = static_cast<float>(y - static_cast<double>(y0)),
             u = static_cast<float>(x - static_cast<double>(x0));
  const uint8_t *a = image.at(y0, x0), *b = image.at(y0, x1), *c = image.at(y1, x0), *d = image.at(y1, x1);
  for (int64_t k = 0; k < image.channels; ++k)
    out[k] = to_byte((1 - v) * ((1 - u) * a[k] + u * b[k]) + v * ((1 - u) * c[k] + u * d[k]));
}

Image turned(const Image& source, const View& view, const Fill& fill) {
  View whole = view;
  whole.top = whole.left = 0;
  whole.height = view.scaled_height;
  whole.width = view.scaled_width;
  const Image scaled = upright(source, whole, fill);
  Image out(view.height, view.width, source.channels);
  fill_image(out, fill);
  const Turn turn(view);
  for (int64_t y = 0; y < view.height; ++y)
    for (int64_t x = 0; x < view.width; ++x) {
      const auto at = turn.source(view.top + y, view.left + x);
      if (inside(at, scaled.height, scaled.width)) bilinear(scaled, at[0], at[1], out.at(y, x));
    }
  return out;
}

/// Calls set(pixel of the window, source row, source column) for every pixel whose centre the source covers.
template <class Set>
void for_each_covered(int64_t source_height, int64_t source_width, const View& view, Set set) {
  const Turn turn(view);
  const bool upright_view = view.degrees == 0;
  const auto rows = nearest_table(source_height, view.scaled_height);
  const auto columns = nearest_table(source_width, view.scaled_width);
  for (int64_t y = 0; y < view.height; ++y)
    for (int64_t x = 0; x < view.width; ++x) {
      int64_t cy = view.top + y, cx = view.left + x;
      if (!upright_view) {
        const auto at = turn.source(cy, cx);
        cy = static_cast<int64_t>(std::floor(at[0]));
        cx = static_cast<int64_t>(std::floor(at[1]));
      }
      if (cy < 0 || cx < 0 || cy >= view.scaled_height || cx >= view.scaled_width) continue;
      set(static_cast<size_t>(y * view.width + x), rows[static_cast<size_t>(cy)],
          columns[static_cast<size_t>(cx)]);
    }
}

}  // namespace

Coverage coverage(int64_t source_height, int64_t source_width, const View& view) {
  Coverage covered(static_cast<size_t>(view.height * view.width), 0);
  for_each_covered(source_height, source_width, view, [&](size_t i, int64_t, int64_t) { covered[i] = 1; });
  return covered;
}

Image view_image(const Image& source, const View& view, const Fill& fill) {
  return view.degrees == 0 ? upright(source, view, fill) : turned(source, view, fill);
}

LabelMap view_labels(const LabelMap& source, const View& view) {
  LabelMap out(view.height, view.width, LabelMap::ignore_label);
  for_each_covered(source.height, source.width, view,
                   [&](size_t i, int64_t y, int64_t x) { out.labels[i] = source.at(y, x); });
  return out;
}

}  // namespace vitrail
