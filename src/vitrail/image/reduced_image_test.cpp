#include "vitrail/image/reduced_image.h"

#include <cmath>

#include <gtest/gtest.h>

#include "image_samples.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/resized_input.h"

namespace vitrail {
namespace {

double mean_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double sum = 0;
  for (size_t i = 0; i < a.data<float>().size(); ++i)
    sum += std::abs(a.data<float>()[i] - b.data<float>()[i]);
  return sum / static_cast<double>(a.elements());
}

/// Waves so long that averaging twice hardly flattens them.
Image long_waves(int64_t height, int64_t width) {
  Image image(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        image.at(y, x)[c] =
            static_cast<uint8_t>(127.5 + 120 * std::sin(0.04 * static_cast<double>(x + y + 20 * c)));
  return image;
}

struct Case {
  int64_t height, width;  ///< of the picture
  ImageSize smallest;
  int64_t divisor;  ///< that must be chosen
};

TEST(ReducedImage, TakesTheSmallestSizeThatIsLargeEnoughAndShowsTheSame) {
  const Case cases[] = {{160, 240, {160, 240}, 1}, {160, 240, {81, 120}, 1}, {160, 240, {80, 120}, 2},
                        {160, 240, {40, 50}, 4},   {160, 240, {40, 61}, 2},  {160, 240, {20, 30}, 8},
                        {160, 240, {1, 1}, 8},     {161, 243, {81, 122}, 2}, {163, 247, {20, 30}, 8},
                        {160, 240, {999, 9}, 1}};
  const Preprocessing bytes_as_they_are{.mean = {0, 0, 0}, .std = {1, 1, 1}};
  for (const Case& c : cases) {
    SCOPED_TRACE(cat(c.height, "x", c.width, " at least ", c.smallest.height, "x", c.smallest.width));
    const std::string bytes = encode_jpeg(long_waves(c.height, c.width), 95);
    const ReducedImage reduced = reduced_image_from_bytes(bytes, "a.jpg", c.smallest);
    ASSERT_EQ(reduced.divisor, c.divisor);
    ASSERT_EQ(reduced.size, (ImageSize{c.height, c.width}));
    ASSERT_EQ(reduced.image.height, (c.height + c.divisor - 1) / c.divisor);
    ASSERT_EQ(reduced.image.width, (c.width + c.divisor - 1) / c.divisor);
    const auto [height, width] = c.smallest;
    const Tensor whole = resized_input(image_from_bytes(bytes, "a.jpg"), bytes_as_they_are, height, width);
    EXPECT_LT(mean_difference(resized_input(reduced, bytes_as_they_are, height, width), whole),
              c.divisor == 1 ? 1e-9 : 2.0);
  }
}

TEST(ReducedImage, IsTurnedUprightBeforeItsSizeIsChosen) {
  const std::string bytes = with_exif(encode_jpeg(smooth_image(160, 240), 95), 6, true);
  const ReducedImage reduced = reduced_image_from_bytes(bytes, "a.jpg", {120, 80});
  EXPECT_EQ(reduced.divisor, 2);
  EXPECT_EQ(reduced.size, (ImageSize{240, 160}));
  EXPECT_EQ(reduced.image.height, 120);
  EXPECT_EQ(reduced_image_from_bytes(bytes, "a.jpg", {80, 120}).divisor, 1);
}

TEST(ReducedImage, OtherFormatsComeWhole) {
  const Image picture = smooth_image(64, 48);
  const ReducedImage same = reduced_image_from_bytes(encode_png(picture), "a.png", {8, 6});
  EXPECT_EQ(same.divisor, 1);
  EXPECT_EQ(same.size, (ImageSize{64, 48}));
  EXPECT_EQ(same.image.pixels, picture.pixels);
}

TEST(ReducedImage, TruncationIsRefused) {
  const std::string bytes = encode_jpeg(smooth_image(64, 96), 90);
  for (size_t size = 0; size + 2 < bytes.size(); size += 7)
    EXPECT_THROW(reduced_image_from_bytes(bytes.substr(0, size), "a.jpg", {8, 12}), Error) << size;
}

}  // namespace
}  // namespace vitrail
