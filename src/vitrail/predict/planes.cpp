#include "vitrail/predict/planes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vitrail {
namespace {

/// Where an output pixel falls between two input pixels.
struct Tap {
  int64_t low = 0, high = 0;
  float part = 0;  ///< of `high`
};

std::vector<Tap> linear_taps(int64_t in, int64_t out) {
  std::vector<Tap> taps;
  for (int64_t i = 0; i < out; ++i) {
    const double exact =
        (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    const double source = std::clamp(exact, 0.0, static_cast<double>(in - 1));
    const auto low = static_cast<int64_t>(source);
    taps.push_back({low, std::min(low + 1, in - 1), static_cast<float>(source - static_cast<double>(low))});
  }
  return taps;
}

}  // namespace

void resize_logits(const Tensor& logits, int64_t height, int64_t width, const BandSink& sink) {
  const int64_t classes = logits.size(1), in_height = logits.size(2), in_width = logits.size(3);
  const std::vector<Tap> ys = linear_taps(in_height, height), xs = linear_taps(in_width, width);
  const float* data = logits.data<float>().data();
  std::vector<float> row(static_cast<size_t>(classes * width)), mixed(static_cast<size_t>(in_width));
  for (int64_t y = 0; y < height; ++y) {
    const Tap& v = ys[static_cast<size_t>(y)];
    for (int64_t c = 0; c < classes; ++c) {
      const float* upper = data + (c * in_height + v.low) * in_width;
      const float* lower = data + (c * in_height + v.high) * in_width;
      for (int64_t x = 0; x < in_width; ++x)
        mixed[static_cast<size_t>(x)] = upper[x] + v.part * (lower[x] - upper[x]);
      float* out = row.data() + c * width;
      for (int64_t x = 0; x < width; ++x) {
        const Tap& h = xs[static_cast<size_t>(x)];
        const float left = mixed[static_cast<size_t>(h.low)], right = mixed[static_cast<size_t>(h.high)];
        out[x] = left + h.part * (right - left);
      }
    }
    sink({.data = row.data(), .classes = classes, .plane = width, .width = width, .first = y, .rows = 1});
  }
}

BandSink labels_sink(LabelMap& labels) {
  return [&labels, best = std::vector<float>()](const Band& band) mutable {
    best.resize(static_cast<size_t>(band.width));
    for (int64_t y = 0; y < band.rows; ++y) {
      const float* values = band.data + y * band.width;
      uint16_t* out = &labels.at(band.first + y, 0);
      std::copy(values, values + band.width, best.begin());
      std::fill(out, out + band.width, uint16_t{0});
      for (int64_t c = 1; c < band.classes; ++c) {
        values += band.plane;
        for (int64_t x = 0; x < band.width; ++x) {
          if (!(values[x] > best[static_cast<size_t>(x)])) continue;
          best[static_cast<size_t>(x)] = values[x];
          out[x] = static_cast<uint16_t>(c);
        }
      }
    }
  };
}

BandSink planes_sink(Tensor& planes) {
  return [&planes](const Band& band) {
    const int64_t plane = planes.size(1) * planes.size(2);
    float* out = planes.data<float>().data() + band.first * band.width;
    for (int64_t c = 0; c < band.classes; ++c)
      std::copy_n(band.data + c * band.plane, band.rows * band.width, out + c * plane);
  };
}

void softmax_planes(Tensor& planes) {
  const int64_t classes = planes.size(0), plane = planes.size(1) * planes.size(2);
  float* data = planes.data<float>().data();
  for (int64_t i = 0; i < plane; ++i) {
    float largest = data[i], sum = 0;
    for (int64_t c = 1; c < classes; ++c)
      largest = std::max(largest, data[c * plane + i]);
    for (int64_t c = 0; c < classes; ++c)
      sum += data[c * plane + i] = std::exp(data[c * plane + i] - largest);
    for (int64_t c = 0; c < classes; ++c)
      data[c * plane + i] /= sum;
  }
}

}  // namespace vitrail
