#include "vitrail/image/resize.h"

#include <cmath>

#include <gtest/gtest.h>

#include "image_samples.h"
#include "vitrail/base/error.h"

namespace vitrail {
namespace {

// Bilinear at half-pixel centres with edges repeated, in double.
double naive_linear(const Image& image, int64_t y, int64_t x, int64_t c, int64_t height, int64_t width) {
  const auto sample = [](int64_t i, int64_t from, int64_t to) {
    const double at =
        (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    return std::clamp(at, 0.0, static_cast<double>(from - 1));
  };
  const double sy = sample(y, image.height, height), sx = sample(x, image.width, width);
  const auto y0 = static_cast<int64_t>(sy), x0 = static_cast<int64_t>(sx);
  const int64_t y1 = std::min(y0 + 1, image.height - 1), x1 = std::min(x0 + 1, image.width - 1);
  const double fy = sy - static_cast<double>(y0), fx = sx - static_cast<double>(x0);
  return (1 - fy) * ((1 - fx) * image.at(y0, x0)[c] + fx * image.at(y0, x1)[c]) +
         fy * ((1 - fx) * image.at(y1, x0)[c] + fx * image.at(y1, x1)[c]);
}

// Mean over the covered rectangle, pixels at its edge counted by their covered part.
double naive_area(const Image& image, int64_t y, int64_t x, int64_t c, int64_t height, int64_t width) {
  const double top = static_cast<double>(y * image.height) / static_cast<double>(height);
  const double bottom = static_cast<double>((y + 1) * image.height) / static_cast<double>(height);
  const double left = static_cast<double>(x * image.width) / static_cast<double>(width);
  const double right = static_cast<double>((x + 1) * image.width) / static_cast<double>(width);
  double sum = 0, weight = 0;
  for (int64_t sy = 0; sy < image.height; ++sy)
    for (int64_t sx = 0; sx < image.width; ++sx) {
      const double h = std::min<double>(bottom, double(sy + 1)) - std::max<double>(top, double(sy));
      const double w = std::min<double>(right, double(sx + 1)) - std::max<double>(left, double(sx));
      if (h <= 0 || w <= 0) continue;
      sum += h * w * image.at(sy, sx)[c];
      weight += h * w;
    }
  return sum / weight;
}

using Naive = double (*)(const Image&, int64_t, int64_t, int64_t, int64_t, int64_t);

void expect_near(const Image& image, const Image& resized, Naive naive) {
  for (int64_t y = 0; y < resized.height; ++y)
    for (int64_t x = 0; x < resized.width; ++x)
      for (int64_t c = 0; c < resized.channels; ++c)
        ASSERT_NEAR(resized.at(y, x)[c], naive(image, y, x, c, resized.height, resized.width), 1.01)
            << image.width << "x" << image.height << " to " << resized.width << "x" << resized.height;
}

TEST(Resize, LinearEqualsNaiveBilinear) {
  Random random(1);
  for (int trial = 0; trial < 20; ++trial) {
    const Image image = noise_image(random.integer(1, 30), random.integer(1, 30), trial % 2 ? 1 : 3, random);
    const int64_t height = random.integer(1, 40), width = random.integer(1, 40);
    expect_near(image, resize_image(image, height, width, Interpolation::linear), naive_linear);
  }
}

TEST(Resize, SmoothIsTheMeanOfTheAreaWhereItShrinks) {
  Random random(2);
  for (int trial = 0; trial < 20; ++trial) {
    const Image image = noise_image(random.integer(8, 40), random.integer(8, 40), 3, random);
    const int64_t height = random.integer(1, image.height), width = random.integer(1, image.width);
    expect_near(image, resize_image(image, height, width), naive_area);
  }
}

TEST(Resize, SmoothIsBilinearWhereItGrows) {
  Random random(3);
  const Image image = noise_image(9, 11, 3, random);
  EXPECT_EQ(resize_image(image, 20, 30).pixels, resize_image(image, 20, 30, Interpolation::linear).pixels);
  EXPECT_EQ(resize_image(image, 9, 11).pixels, image.pixels);
  const Image mixed = resize_image(image, 3, 30);
  EXPECT_EQ(mixed.height, 3);
  EXPECT_EQ(mixed.width, 30);
  EXPECT_EQ(mixed.pixels, resize_image(resize_image(image, 3, 11), 3, 30).pixels);
}

TEST(Resize, LabelsTakeThePixelUnderTheCentre) {
  Random random(4);
  for (int trial = 0; trial < 50; ++trial) {
    const LabelMap labels = random_labels(random.integer(1, 20), random.integer(1, 20), 65535, random);
    const int64_t height = random.integer(1, 50), width = random.integer(1, 50);
    const LabelMap resized = resize_labels(labels, height, width);
    Image grey(labels.height, labels.width, 1);
    for (size_t i = 0; i < grey.pixels.size(); ++i)
      grey.pixels[i] = static_cast<uint8_t>(labels.labels[i] & 255);
    const Image nearest = resize_image(grey, height, width, Interpolation::nearest);
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const auto sy =
            static_cast<int64_t>((double(y) + 0.5) * double(labels.height) / double(height) + 1e-9);
        const auto sx = static_cast<int64_t>((double(x) + 0.5) * double(labels.width) / double(width) + 1e-9);
        ASSERT_EQ(resized.at(y, x), labels.at(sy, sx));
        ASSERT_EQ(*nearest.at(y, x), *grey.at(sy, sx));
      }
  }
}

TEST(Resize, RefusesSizesThatCannotBe) {
  EXPECT_THROW(resize_image(Image(2, 2), 0, 4), Error);
  EXPECT_THROW(resize_image(Image(), 4, 4), Error);
  EXPECT_THROW(resize_image(Image(2, 2), int64_t{1} << 20, int64_t{1} << 20), Error);
  EXPECT_THROW(resize_labels(LabelMap(2, 2), 4, -1), Error);
}

}  // namespace
}  // namespace vitrail
