#include "vitrail/image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

/// Normalised value of a byte in one channel: a table is exact and as fast as the arithmetic.
using Table = std::array<float, 256>;

Table table_of(double mean, double std) {
  Table table;
  for (int v = 0; v < 256; ++v)
    table[static_cast<size_t>(v)] = static_cast<float>((v - mean) / std);
  return table;
}

void check(const Preprocessing& p) {
  const auto fail = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "preprocessing", .found = found, .allowed = allowed});
  };
  if (p.mean.empty() || p.mean.size() != p.std.size())
    fail(cat(p.mean.size(), " means and ", p.std.size(), " standard deviations"), "one of each per channel");
  if (p.order == ChannelOrder::grey ? p.mean.size() != 1 : p.mean.size() == 1)
    fail(cat(p.mean.size(), " means for order ", p.order == ChannelOrder::grey ? "grey" : "rgb or bgr"),
         "grey has one channel, the others have three");
  for (const double s : p.std)
    if (!(std::isfinite(s) && s != 0)) fail(cat("std ", s), "it must be finite and not 0");
  for (const double m : p.mean)
    if (!std::isfinite(m)) fail(cat("mean ", m), "it must be finite");
  if (p.multiple < 1) fail(cat("multiple ", p.multiple), "it must be 1 or more");
}

void check_channels(const Image& image, const Preprocessing& p) {
  const auto wanted = static_cast<int64_t>(p.mean.size());
  const bool fits = image.channels == wanted || (wanted == 3 && image.channels == 1) ||
                    (p.order == ChannelOrder::grey && image.channels == 3);
  if (!fits || (p.order == ChannelOrder::bgr && wanted != 3))
    throw Error(ErrorKind::shape, {.where = "preprocessing",
                                   .found = cat("an image of ", image.channels, " channels"),
                                   .allowed = cat("the network takes ", wanted)});
}

/// Colour to grey needs three values per output, so it cannot be a table.
void luma_row(const uint8_t* pixels, int64_t width, float mean, float inverse_std, float* out) {
  for (int64_t x = 0; x < width; ++x) {
    const float luma = 0.299f * pixels[3 * x] + 0.587f * pixels[3 * x + 1] + 0.114f * pixels[3 * x + 2];
    out[x] = (luma - mean) * inverse_std;
  }
}

void table_row(const uint8_t* pixels, int64_t stride, int64_t width, const Table& table, float* out) {
  for (int64_t x = 0; x < width; ++x)
    out[x] = table[pixels[x * stride]];
}

void pad_plane(float* plane, int64_t height, int64_t width, int64_t used_height, int64_t used_width) {
  for (int64_t y = 0; y < used_height; ++y)
    std::fill(plane + y * width + used_width, plane + (y + 1) * width, 0.0f);
  std::fill(plane + used_height * width, plane + height * width, 0.0f);
}

}  // namespace

std::array<int64_t, 2> input_size(int64_t height, int64_t width, const Preprocessing& p) {
  check(p);
  const auto along = [](int64_t size, int64_t fixed, int64_t multiple, const char* what) {
    if (size < 1)
      throw Error(ErrorKind::shape,
                  {.where = "preprocessing", .found = cat("an image of ", what, " ", size)});
    if (fixed == 0) return round_up(size, multiple);
    if (size > fixed)
      throw Error(ErrorKind::shape, {.where = "preprocessing",
                                     .found = cat("an image of ", what, " ", size),
                                     .allowed = cat("the network's input has the fixed ", what, " ", fixed),
                                     .next = "Resize the image, or cut it into tiles"});
    return fixed;
  };
  return {along(height, p.height, p.multiple, "height"), along(width, p.width, p.multiple, "width")};
}

void preprocess_into(const Image& image, const Preprocessing& p, int64_t height, int64_t width,
                     float* planes) {
  check(p);
  check_channels(image, p);
  if (image.height > height || image.width > width)
    throw Error(ErrorKind::shape, {.where = "preprocessing",
                                   .found = cat("an image of ", image.width, "x", image.height,
                                                " for planes of ", width, "x", height)});
  const auto channels = static_cast<int64_t>(p.mean.size());
  for (int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<size_t>(c);
    float* plane = planes + c * height * width;
    const bool to_grey = channels == 1 && image.channels == 3;
    const int64_t source = image.channels == 1 ? 0 : (p.order == ChannelOrder::bgr ? 2 - c : c);
    const Table table = table_of(p.mean[i], p.std[i]);
    for (int64_t y = 0; y < image.height; ++y) {
      const uint8_t* row = image.at(y, 0);
      if (to_grey)
        luma_row(row, image.width, static_cast<float>(p.mean[i]), static_cast<float>(1 / p.std[i]),
                 plane + y * width);
      else
        table_row(row + source, image.channels, image.width, table, plane + y * width);
    }
    pad_plane(plane, height, width, image.height, image.width);
  }
}

Tensor preprocess(const Image& image, const Preprocessing& preprocessing) {
  const auto [height, width] = input_size(image.height, image.width, preprocessing);
  Tensor input =
      Tensor::empty(DataType::f32, {1, static_cast<int64_t>(preprocessing.mean.size()), height, width});
  preprocess_into(image, preprocessing, height, width, input.data<float>().data());
  return input;
}

}  // namespace vitrail
