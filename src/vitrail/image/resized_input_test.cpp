#include "vitrail/image/resized_input.h"

#include <cmath>

#include <gtest/gtest.h>

#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/resize.h"

namespace vitrail {
namespace {

const Preprocessing rgb{.mean = {123.675, 116.28, 103.53}, .std = {58.395, 57.12, 57.375}};
const Preprocessing bgr{.order = ChannelOrder::bgr, .mean = {103.53, 116.28, 123.675}, .std = {1, 2, 4}};
const Preprocessing grey{.order = ChannelOrder::grey, .mean = {127.5}, .std = {127.5}};

struct Sizes {
  int64_t from_height, from_width, height, width;
};

TEST(ResizedInput, EqualsResizingThenPreprocessingButForRoundingToBytes) {
  const Sizes cases[] = {{40, 60, 20, 30}, {41, 67, 23, 31}, {20, 30, 47, 61}, {20, 90, 47, 31},
                         {90, 20, 33, 41}, {1, 1, 5, 7},     {37, 53, 1, 1},   {64, 64, 8, 16}};
  for (const auto& p : {rgb, bgr, grey})
    for (const int64_t channels : {1, 3})
      for (const Sizes& s : cases) {
        SCOPED_TRACE(cat(s.from_height, "x", s.from_width, " to ", s.height, "x", s.width, ", ", channels));
        const Image image = noise_image(s.from_height, s.from_width, channels, 1);
        const Tensor fused = resized_input(image, p, s.height, s.width);
        const Tensor two_steps = preprocess(resize_image(image, s.height, s.width), p);
        ASSERT_EQ(fused.shape(), two_steps.shape());
        for (int64_t i = 0; i < fused.elements(); ++i) {
          const double scale = p.std[static_cast<size_t>(i / (s.height * s.width))];
          // A byte is rounded at each of two resizings, and linear weights to 1/2048.
          ASSERT_NEAR(fused.data<float>()[static_cast<size_t>(i)] * scale,
                      two_steps.data<float>()[static_cast<size_t>(i)] * scale, 1.3)
              << i;
        }
      }
}

TEST(ResizedInput, TapsAreAPartitionOfUnityAndKeepTheMean) {
  const std::vector<std::pair<int64_t, int64_t>> cases = {{7, 3}, {64, 8}, {5, 5}, {3, 11}, {1, 4}};
  for (const auto& [from, to] : cases) {
    const SmoothTaps taps = smooth_taps(from, 1, to);
    std::vector<double> used(static_cast<size_t>(from), 0);
    for (int64_t i = 0; i < to; ++i) {
      double sum = 0;
      for (int64_t t = 0; t < taps.taps; ++t) {
        const double weight = taps.weights[static_cast<size_t>(i * taps.taps + t)];
        const int64_t index = taps.from[static_cast<size_t>(i)] + t;
        sum += weight;
        if (weight != 0) {
          ASSERT_LT(index, from);
        }
        if (index < from) used[static_cast<size_t>(index)] += weight;
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    }
    if (to <= from) {
      for (const double share : used)
        EXPECT_NEAR(share, static_cast<double>(to) / static_cast<double>(from), 1e-6) << from << " " << to;
    }
  }
}

TEST(ResizedInput, BandsMakeTheWhole) {
  const Image image = noise_image(50, 70, 3, 3);
  const Tensor whole = resized_input(image, rgb, 21, 33);
  Tensor banded = Tensor::zeros(DataType::f32, whole.shape());
  const ResizedInput source(image, {50, 70}, 1, rgb, 21, 33);
  for (int64_t y = 0; y < 21; y += 4)
    source.rows(y, std::min<int64_t>(y + 4, 21), banded.data<float>().data());
  EXPECT_TRUE(
      std::equal(whole.data<float>().begin(), whole.data<float>().end(), banded.data<float>().begin()));
}

TEST(ResizedInput, RefusesWhatDoesNotFit) {
  EXPECT_THROW(resized_input(Image(), rgb, 4, 4), Error);
  EXPECT_THROW(resized_input(Image(4, 4), rgb, 0, 4), Error);
  EXPECT_THROW(resized_input(Image(4, 4, 4), rgb, 4, 4), Error);
}

}  // namespace
}  // namespace vitrail
