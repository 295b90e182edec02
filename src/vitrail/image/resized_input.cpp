#include "vitrail/image/resized_input.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void add_grown(SmoothTaps& taps, int64_t from, int64_t divisor, int64_t to) {
  taps.taps = 2;
  const double scale = static_cast<double>(from) / static_cast<double>(divisor * to);
  const auto last = static_cast<double>(ceil_div(from, divisor) - 1);
  for (int64_t i = 0; i < to; ++i) {
    const double source = std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, last);
    const auto low = static_cast<int64_t>(source);
    const auto part = static_cast<float>(source - static_cast<double>(low));
    taps.from.push_back(low);
    taps.weights.insert(taps.weights.end(), {1 - part, part});
  }
}

void add_shrunk(SmoothTaps& taps, int64_t from, int64_t divisor, int64_t to) {
  // In units of 1/to of the axis all bounds are whole numbers, so exact.
  const int64_t unit = divisor * to;  // of a value
  taps.taps = ceil_div(from, unit) + 1;
  for (int64_t i = 0; i < to; ++i) {
    const int64_t begin = i * from, end = begin + from, low = begin / unit;
    taps.from.push_back(low);
    for (int64_t t = low; t < low + taps.taps; ++t) {
      const int64_t covered = std::min(end, (t + 1) * unit) - std::max(begin, t * unit);
      taps.weights.push_back(static_cast<float>(std::max<int64_t>(covered, 0)) / static_cast<float>(from));
    }
  }
}

}  // namespace

SmoothTaps smooth_taps(int64_t from, int64_t divisor, int64_t to) {
  SmoothTaps taps;
  if (checked_mul(to, divisor, "resize") >= from)
    add_grown(taps, from, divisor, to);
  else
    add_shrunk(taps, from, divisor, to);
  return taps;
}

SmoothTaps linear_taps(int64_t from, int64_t divisor, int64_t to) {
  checked_mul(to, divisor, "resize");
  SmoothTaps taps;
  add_grown(taps, from, divisor, to);
  return taps;
}

ResizedInput::ResizedInput(const Image& image, ImageSize size, int64_t divisor,
                           const Preprocessing& preprocessing, int64_t height, int64_t width,
                           Interpolation interpolation)
    : image_(image), height_(height), width_(width), route_(input_route(image.channels, preprocessing)) {
  if (image.height < 1 || image.width < 1 || height < 1 || width < 1)
    throw Error(ErrorKind::shape, {.where = "resize",
                                   .found = cat(image.width, "x", image.height, " to ", width, "x", height),
                                   .allowed = "sizes of at least 1x1"});
  if (interpolation == Interpolation::nearest)
    throw Error(ErrorKind::usage,
                {.where = "resize", .found = "nearest", .allowed = "smooth or linear for a network's input"});
  const auto taps = interpolation == Interpolation::smooth ? smooth_taps : linear_taps;
  down_ = taps(size.height, divisor, height);
  across_ = taps(size.width, divisor, width);
}

void ResizedInput::mix_rows(int64_t y, std::vector<float>& mixed) const {
  const int64_t count = image_.width * image_.channels, from = down_.from[static_cast<size_t>(y)];
  const float* weights = down_.weights.data() + y * down_.taps;
  pixel_rows::weigh(image_.at(from, 0), count, weights[0], mixed.data());
  for (int64_t t = 1; t < down_.taps && from + t < image_.height; ++t)
    if (weights[t] != 0) pixel_rows::add_weighed(image_.at(from + t, 0), count, weights[t], mixed.data());
}

void ResizedInput::write_row(const std::vector<float>& mixed, int64_t y, float* planes) const {
  const int64_t channels = image_.channels, taps = across_.taps;
  if (channels == 3 && route_.planes.size() == 3) return write_colors(mixed, y, planes);
  constexpr float red = 0.299f, green = 0.587f, blue = 0.114f;
  for (size_t c = 0; c < route_.planes.size(); ++c) {
    const auto [source, channel] = route_.planes[c];
    float* out = planes + (static_cast<int64_t>(c) * height_ + y) * width_;
    for (int64_t x = 0; x < width_; ++x) {
      const float* values = mixed.data() + across_.from[static_cast<size_t>(x)] * channels;
      const float* weights = across_.weights.data() + x * taps;
      float sum = 0;
      if (route_.from_luma)
        for (int64_t t = 0; t < taps; ++t, values += channels)
          sum += weights[t] * (red * values[0] + green * values[1] + blue * values[2]);
      else
        for (int64_t t = 0; t < taps; ++t, values += channels)
          sum += weights[t] * values[source];
      out[x] = (sum - channel.mean) * channel.scale;
    }
  }
}

void ResizedInput::write_colors(const std::vector<float>& mixed, int64_t y, float* planes) const {
  pixel_rows::Channel channels[3];
  float* rows[3];
  for (size_t c = 0; c < 3; ++c) {
    const auto source = static_cast<size_t>(route_.planes[c].source);
    channels[source] = route_.planes[c].channel;
    rows[source] = planes + (static_cast<int64_t>(c) * height_ + y) * width_;
  }
  pixel_rows::resample(mixed.data(), across_.from.data(), across_.weights.data(), across_.taps, width_,
                       channels, rows);
}

void ResizedInput::rows(int64_t begin, int64_t end, float* planes) const {
  // Taps past the last pixel have weight 0 and read the zeros behind the row.
  std::vector<float> mixed(static_cast<size_t>((image_.width + across_.taps + 1) * image_.channels), 0.0f);
  for (int64_t y = begin; y < end; ++y) {
    mix_rows(y, mixed);
    write_row(mixed, y, planes);
  }
}

Tensor resized_input(const ReducedView& picture, const Preprocessing& preprocessing, int64_t height,
                     int64_t width, Interpolation interpolation) {
  const ResizedInput source(picture.image, picture.size, picture.divisor, preprocessing, height, width,
                            interpolation);
  Tensor input =
      Tensor::empty(DataType::f32, {1, static_cast<int64_t>(preprocessing.mean.size()), height, width});
  float* planes = input.data<float>().data();
  parallel_ranges(height, rows_worth_a_thread(width),
                  [&](int64_t begin, int64_t end, int) { source.rows(begin, end, planes); });
  return input;
}

}  // namespace vitrail
