#include "vitrail/image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/input_route.h"
#include "vitrail/image/pixel_rows.h"

namespace vitrail {
namespace {

/// Zeros (the mean, after normalisation) right of and below what an image fills, in rows begin..end.
void pad_rows(float* plane, int64_t width, int64_t used_height, int64_t used_width, int64_t begin,
              int64_t end) {
  for (int64_t y = begin; y < end; ++y)
    std::fill(plane + y * width + (y < used_height ? used_width : 0), plane + (y + 1) * width, 0.0f);
}

void write_row(const Image& image, int64_t y, const InputRoute& route, int64_t height, int64_t width,
               float* planes) {
  const uint8_t* row = image.at(y, 0);
  const auto out = [&](size_t c) { return planes + (static_cast<int64_t>(c) * height + y) * width; };
  if (route.from_luma) return pixel_rows::luma(row, image.width, route.planes[0].channel, out(0));
  if (image.channels == 3 && route.planes.size() == 3) {
    pixel_rows::Channel channels[3];
    float* rows[3];
    for (size_t c = 0; c < 3; ++c) {
      const auto source = static_cast<size_t>(route.planes[c].source);
      channels[source] = route.planes[c].channel;
      rows[source] = out(c);
    }
    return pixel_rows::split(row, image.width, channels, rows);
  }
  for (size_t c = 0; c < route.planes.size(); ++c)
    pixel_rows::normalize(row + route.planes[c].source, image.channels, image.width, route.planes[c].channel,
                          out(c));
}

}  // namespace

std::array<int64_t, 2> input_size(int64_t height, int64_t width, const Preprocessing& p) {
  check_preprocessing(p);
  const auto along = [](int64_t size, int64_t fixed, int64_t multiple, const char* what) {
    if (size < 1)
      throw Error(ErrorKind::shape,
                  {.where = "preprocessing", .found = cat("an image of ", what, " ", size)});
    if (fixed == 0) return round_up(size, multiple);
    if (size > fixed)
      throw Error(ErrorKind::shape, {.where = "preprocessing",
                                     .found = cat("an image of ", what, " ", size),
                                     .allowed = cat("the network's input has the fixed ", what, " ", fixed),
                                     .next = "Resize the image, or cut it into tiles; to train, "
                                             "augment.crop_height and augment.crop_width"});
    return fixed;
  };
  return {along(height, p.height, p.multiple, "height"), along(width, p.width, p.multiple, "width")};
}

void preprocess_rows(const Image& image, const Preprocessing& p, int64_t height, int64_t width, int64_t begin,
                     int64_t end, float* planes) {
  const InputRoute route = input_route(image.channels, p);
  if (image.height > height || image.width > width)
    throw Error(ErrorKind::shape, {.where = "preprocessing",
                                   .found = cat("an image of ", image.width, "x", image.height,
                                                " for planes of ", width, "x", height)});
  for (int64_t y = begin; y < std::min(end, image.height); ++y)
    write_row(image, y, route, height, width, planes);
  for (size_t c = 0; c < route.planes.size(); ++c)
    pad_rows(planes + static_cast<int64_t>(c) * height * width, width, image.height, image.width, begin, end);
}

void preprocess_into(const Image& image, const Preprocessing& p, int64_t height, int64_t width,
                     float* planes) {
  preprocess_rows(image, p, height, width, 0, height, planes);
}

Tensor preprocess(const Image& image, const Preprocessing& preprocessing) {
  const auto [height, width] = input_size(image.height, image.width, preprocessing);
  Tensor input =
      Tensor::empty(DataType::f32, {1, static_cast<int64_t>(preprocessing.mean.size()), height, width});
  preprocess_into(image, preprocessing, height, width, input.data<float>().data());
  return input;
}

int64_t rows_worth_a_thread(int64_t width) {
  return std::max<int64_t>(1, (int64_t{1} << 18) / std::max<int64_t>(width, 1));
}

}  // namespace vitrail
