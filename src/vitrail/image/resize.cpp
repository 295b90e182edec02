#include "vitrail/image/resize.h"

#include <opencv2/imgproc.hpp>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/channels.h"

namespace vitrail {
namespace {

void check_size(int64_t from_height, int64_t from_width, int64_t height, int64_t width) {
  if (from_height < 1 || from_width < 1 || height < 1 || width < 1)
    throw Error(ErrorKind::shape, {.where = "resize",
                                   .found = cat(from_width, "x", from_height, " to ", width, "x", height),
                                   .allowed = "sizes of at least 1x1"});
  if (checked_mul(height, width, "a resized image") > max_image_pixels)
    throw Error(ErrorKind::limit, {.where = "resize",
                                   .found = cat(width, "x", height, " pixels"),
                                   .allowed = cat("at most ", max_image_pixels, " pixels")});
}

// Input index for each output index: the pixel under the output pixel's centre, in integers to be exact.
std::vector<int64_t> nearest_sources(int64_t from, int64_t to) {
  std::vector<int64_t> sources(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i)
    sources[static_cast<size_t>(i)] = (2 * i + 1) * from / (2 * to);
  return sources;
}

Image resize_nearest(const Image& image, int64_t height, int64_t width) {
  Image out(height, width, image.channels);
  const std::vector<int64_t> source_x = nearest_sources(image.width, width);
  const std::vector<int64_t> source_y = nearest_sources(image.height, height);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      std::copy_n(image.at(source_y[static_cast<size_t>(y)], source_x[static_cast<size_t>(x)]),
                  image.channels, out.at(y, x));
  return out;
}

// The pixels of `image`, shared, not copied.
cv::Mat as_mat(const Image& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width),
          CV_MAKETYPE(CV_8U, static_cast<int>(image.channels)), const_cast<uint8_t*>(image.pixels.data())};
}

constexpr int64_t most_channels_at_once = 4;  // of cv::resize

Image resize_with(const Image& image, int64_t height, int64_t width, int method);

Image resize_each(const Image& image, int64_t height, int64_t width, int method) {
  std::vector<Image> parts;
  for (int64_t c = 0; c < image.channels; ++c)
    parts.push_back(resize_with(channel_of(image, c), height, width, method));
  return stacked(parts);
}

Image resize_with(const Image& image, int64_t height, int64_t width, int method) {
  if (height == image.height && width == image.width) return image;
  if (image.channels > most_channels_at_once) return resize_each(image, height, width, method);
  Image out(height, width, image.channels);
  cv::Mat mat = as_mat(out);
  cv::resize(as_mat(image), mat, mat.size(), 0, 0, method);
  return out;
}

}  // namespace

Image resize_image(const Image& image, int64_t height, int64_t width, Interpolation interpolation) {
  check_size(image.height, image.width, height, width);
  if (interpolation == Interpolation::nearest) return resize_nearest(image, height, width);
  if (interpolation == Interpolation::linear) return resize_with(image, height, width, cv::INTER_LINEAR);
  // The mean of the covered area is defined where an axis shrinks; an axis that grows comes after it.
  const Image shrunk =
      resize_with(image, std::min(height, image.height), std::min(width, image.width), cv::INTER_AREA);
  return resize_with(shrunk, height, width, cv::INTER_LINEAR);
}

LabelMap resize_labels(const LabelMap& labels, int64_t height, int64_t width) {
  check_size(labels.height, labels.width, height, width);
  LabelMap out(height, width);
  const std::vector<int64_t> source_x = nearest_sources(labels.width, width);
  const std::vector<int64_t> source_y = nearest_sources(labels.height, height);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      out.at(y, x) = labels.at(source_y[static_cast<size_t>(y)], source_x[static_cast<size_t>(x)]);
  return out;
}

}  // namespace vitrail
