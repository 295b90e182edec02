#include "vitrail/image/preprocess.h"

#include <gtest/gtest.h>

#include "noise_image.h"
#include "vitrail/base/error.h"

namespace vitrail {
namespace {

/// The definition, element by element.
double expected(const Image& image, const Preprocessing& p, int64_t c, int64_t y, int64_t x) {
  if (y >= image.height || x >= image.width) return 0;
  const uint8_t* pixel = image.at(y, x);
  const auto i = static_cast<size_t>(c);
  double v = image.channels == 1 ? pixel[0] : pixel[p.order == ChannelOrder::bgr ? 2 - c : c];
  if (p.order == ChannelOrder::grey && image.channels == 3)
    v = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
  return (v - p.mean[i]) / p.std[i];
}

void expect_as_defined(const Image& image, const Preprocessing& p, const Shape& shape) {
  const Tensor input = preprocess(image, p);
  ASSERT_EQ(input.shape(), shape);
  const auto values = input.data<float>();
  size_t i = 0;
  for (int64_t c = 0; c < shape[1]; ++c)
    for (int64_t y = 0; y < shape[2]; ++y)
      for (int64_t x = 0; x < shape[3]; ++x, ++i)
        ASSERT_NEAR(values[i], expected(image, p, c, y, x), 2e-5) << c << " " << y << " " << x;
}

TEST(Preprocess, IsTheDefinitionForEveryOrderAndPadsWithZero) {
  const Preprocessing rgb{.mean = {123.675, 116.28, 103.53}, .std = {58.395, 57.12, 57.375}, .multiple = 8};
  expect_as_defined(noise_image(13, 21, 3, 1), rgb, {1, 3, 16, 24});
  expect_as_defined(noise_image(13, 21, 1, 2), rgb, {1, 3, 16, 24});
  Preprocessing bgr = rgb;
  bgr.order = ChannelOrder::bgr;
  bgr.multiple = 1;
  expect_as_defined(noise_image(13, 21, 3, 3), bgr, {1, 3, 13, 21});
  const Preprocessing grey{
      .order = ChannelOrder::grey, .mean = {127.5}, .std = {127.5}, .height = 16, .width = 32};
  expect_as_defined(noise_image(13, 21, 3, 4), grey, {1, 1, 16, 32});
  expect_as_defined(noise_image(13, 21, 1, 5), grey, {1, 1, 16, 32});
}

TEST(Preprocess, RefusesWhatDoesNotFit) {
  EXPECT_THROW(preprocess(Image(), {}), Error);
  EXPECT_THROW(preprocess(Image(4, 4, 4), {}), Error);
  EXPECT_THROW(preprocess(Image(4, 4), {.std = {1, 0, 1}}), Error);
  EXPECT_THROW(preprocess(Image(4, 4), {.mean = {1}}), Error);
  EXPECT_THROW(preprocess(Image(4, 4), {.multiple = 0}), Error);
  EXPECT_THROW(preprocess(Image(4, 4), {.height = 3, .width = 4}), Error);
}

}  // namespace
}  // namespace vitrail
