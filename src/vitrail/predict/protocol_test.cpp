#include "vitrail/predict/protocol.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail {
namespace {

Tensor random_image(int64_t height, int64_t width, uint64_t seed = 1) {
  Random random(seed);
  Tensor image = Tensor::empty(DataType::f32, {1, 2, height, width});
  for (float& value : image.data<float>())
    value = static_cast<float>(random.uniform(-2, 2));
  return image;
}

// A network that looks at one pixel at a time: its logits are the image's channels.
Tensor identity(const Tensor& input) {
  return input;
}

TestProtocol without_resizing(std::string_view name) {
  TestProtocol protocol = test_protocol(name);
  protocol.sizing = TestProtocol::Sizing::original;
  return protocol;
}

TEST(Protocol, NamesAreUniqueAndKnown) {
  std::set<std::string> names;
  for (const TestProtocol& protocol : test_protocols())
    EXPECT_TRUE(names.insert(protocol.name).second) << protocol.name;
  for (const char* name : {"whole", "dilation", "fastfcn", "fastfcn-ms", "pspnet", "semseg", "setr-ade20k",
                           "deeplabv2", "deeplabv3-ms"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_THROW(test_protocol("fastfnc"), Error);
}

// For a network without context windows change nothing, whatever their overlaps.
TEST(Protocol, WindowsOfANetworkWithoutContextLeaveNoTrace) {
  const Tensor image = random_image(37, 53);
  for (const bool shift : {false, true})
    for (const auto votes :
         {TestProtocol::Votes::exp_of_sum, TestProtocol::Votes::softmax_of_sum, TestProtocol::Votes::softmax,
          TestProtocol::Votes::logits, TestProtocol::Votes::raw}) {
      TestProtocol whole{.votes = votes}, windows = whole;
      windows.crop = 16;
      windows.stride = 11;
      windows.shift_last = shift;
      const Tensor a = protocol_votes(image, whole, identity),
                   b = protocol_votes(image, windows, identity, 4);
      for (size_t i = 0; i < static_cast<size_t>(a.elements()); ++i)
        ASSERT_NEAR(a.data<float>()[i], b.data<float>()[i], 1e-5 * std::max(1.0f, a.data<float>()[i]));
    }
}

// A flip of such a network adds the same logits again.
TEST(Protocol, EachPaperAddsUpItsOwnWay) {
  const Tensor image = random_image(5, 7);
  const auto at = [&](size_t c, size_t i) { return static_cast<double>(image.data<float>()[c * 35 + i]); };
  const auto votes = [&](const char* name) {
    TestProtocol protocol = without_resizing(name);
    protocol.scales = {1};
    protocol.flip = true;
    return protocol_votes(image, protocol, identity);
  };
  const Tensor fast = votes("fastfcn"), psp = votes("pspnet"), sem = votes("semseg"),
               setr = votes("setr-ade20k");
  for (size_t i = 0; i < 35; ++i) {
    const double a = at(0, i), b = at(1, i);
    const double soft = 1 / (1 + std::exp(b - a)), soft_of_sum = 1 / (1 + std::exp(2 * (b - a)));
    EXPECT_NEAR(fast.data<float>()[i], std::exp(2 * a), 1e-5 * std::exp(2 * a));
    EXPECT_NEAR(psp.data<float>()[i], soft_of_sum, 1e-5);
    EXPECT_NEAR(sem.data<float>()[i], 2 * soft, 1e-5);
    EXPECT_NEAR(setr.data<float>()[i], 2 * soft, 1e-5);
  }
}

TEST(Protocol, TheNetworkSeesTheSizesOfThePaper) {
  const auto sizes_of = [](const char* name, int64_t height, int64_t width) {
    std::multiset<std::pair<int64_t, int64_t>> sizes;
    protocol_votes(random_image(height, width), test_protocol(name), [&](const Tensor& input) {
      sizes.insert({input.size(2), input.size(3)});
      return input;
    });
    return sizes;
  };
  using Sizes = std::multiset<std::pair<int64_t, int64_t>>;
  // long side 520: 390 x 520 needs windows at 0 and 320 of the width alone
  EXPECT_EQ(sizes_of("fastfcn", 375, 500), (Sizes{{480, 480}, {480, 480}}));
  // long side 513 > 473, stride 316: two windows, each seen twice (flip)
  EXPECT_EQ(sizes_of("pspnet", 200, 400).size(), 4u);
  EXPECT_EQ(sizes_of("setr-ade20k", 100, 200), (Sizes{{512, 512}, {512, 512}, {512, 512}}));
  EXPECT_EQ(sizes_of("whole", 31, 45), (Sizes{{31, 45}}));
  EXPECT_EQ(sizes_of("deeplabv2", 40, 60), (Sizes{{20, 30}, {30, 45}, {40, 60}}));
}

TEST(Protocol, TheLargestLogitOverScales) {
  Tensor image = Tensor::zeros(DataType::f32, {1, 2, 8, 8});
  int64_t calls = 0;
  const Tensor votes = protocol_votes(image, test_protocol("deeplabv2"), [&](const Tensor& input) {
    Tensor logits = Tensor::zeros(DataType::f32, input.shape());
    for (float& value : logits.data<float>())
      value = calls == 1 ? 5.0f : static_cast<float>(calls);
    ++calls;
    return logits;
  });
  for (const float value : votes.data<float>())
    ASSERT_FLOAT_EQ(value, 5);
}

TEST(Protocol, SmallerLogitsAreResizedToTheirWindow) {
  const Tensor image = random_image(16, 24);
  const Tensor votes = protocol_votes(image, test_protocol("whole"), [](const Tensor& input) {
    Tensor logits = Tensor::zeros(DataType::f32, {1, 3, input.size(2) / 8, input.size(3) / 8});
    for (size_t i = 0; i < static_cast<size_t>(logits.elements() / 3); ++i)
      logits.data<float>()[i] = 2;
    return logits;
  });
  ASSERT_EQ(votes.shape(), (Shape{3, 16, 24}));
  EXPECT_NEAR(votes.data<float>()[0], std::exp(2.0) / (std::exp(2.0) + 2), 1e-5);
}

// A network that looks 3 pixels far sees in tiles with margins what it sees in the whole picture, mirrored.
TEST(Protocol, TilesWithMarginsSeeWhatTheWholeMirroredPictureShows) {
  const auto shifted = [](const Tensor& input) {  // each pixel shows the one 3 rows up and 2 columns left
    Tensor logits = Tensor::zeros(DataType::f32, input.shape());
    const int64_t height = input.size(2), width = input.size(3);
    for (int64_t c = 0; c < input.size(1); ++c)
      for (int64_t y = 3; y < height; ++y)
        for (int64_t x = 2; x < width; ++x)
          logits.data<float>()[static_cast<size_t>((c * height + y) * width + x)] =
              input.data<float>()[static_cast<size_t>((c * height + y - 3) * width + x - 2)];
    return logits;
  };
  const int64_t height = 21, width = 13;
  const Tensor image = random_image(height, width);
  const TestProtocol tiles{
      .crop = 8, .stride = 8, .margin = 3, .shift_last = false, .votes = TestProtocol::Votes::raw};
  const Tensor votes = protocol_votes(image, tiles, shifted);
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const int64_t from = (c * height + std::abs(y - 3)) * width + std::abs(x - 2);
        ASSERT_FLOAT_EQ(votes.data<float>()[static_cast<size_t>((c * height + y) * width + x)],
                        image.data<float>()[static_cast<size_t>(from)])
            << y << " " << x;
      }
}

TEST(Protocol, DilationShowsTilesOf528With186PixelsAround) {
  std::multiset<std::pair<int64_t, int64_t>> sizes;
  const Tensor votes =
      protocol_votes(random_image(100, 600), test_protocol("dilation"), [&](const Tensor& input) {
        sizes.insert({input.size(2), input.size(3)});
        return input;
      });
  EXPECT_EQ(sizes, (std::multiset<std::pair<int64_t, int64_t>>{{900, 900}, {900, 900}}));
  EXPECT_EQ(votes.shape(), (Shape{2, 100, 600}));
}

TEST(Protocol, WhatIsNoImageIsRefused) {
  EXPECT_THROW(protocol_votes(Tensor::zeros(DataType::f32, {2, 3, 4, 4}), test_protocol("whole"), identity),
               Error);
  EXPECT_THROW(protocol_votes(random_image(4, 4), {.crop = 4}, identity), Error);
}

}  // namespace
}  // namespace vitrail
