#include "vitrail/weights/first_layer.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor noise(Shape shape, uint64_t seed) {
  Tensor tensor = Tensor::empty(DataType::f32, std::move(shape));
  Random random(seed);
  for (float& value : tensor.data<float>())
    value = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

float at(const Tensor& weight, int64_t out, int64_t c, int64_t tap) {
  const int64_t taps = weight.size(2) * weight.size(3);
  return weight.data<float>()[static_cast<size_t>((out * weight.size(1) + c) * taps + tap)];
}

TEST(FirstLayer, FurtherChannelsStartAtZero) {
  const Tensor three = noise({4, 3, 5, 2}, 1), five = with_input_channels(three, 5);
  ASSERT_EQ(five.shape(), (Shape{4, 5, 5, 2}));
  for (int64_t out = 0; out < 4; ++out)
    for (int64_t c = 0; c < 5; ++c)
      for (int64_t tap = 0; tap < 10; ++tap)
        ASSERT_EQ(at(five, out, c, tap), c < 3 ? at(three, out, c, tap) : 0);
}

TEST(FirstLayer, AGreyPictureStandsForAllColours) {
  const Tensor three = noise({4, 3, 3, 3}, 1);
  for (const int64_t channels : {1, 2}) {
    const Tensor fewer = with_input_channels(three, channels);
    for (int64_t out = 0; out < 4; ++out)
      for (int64_t tap = 0; tap < 9; ++tap) {
        ASSERT_NEAR(at(fewer, out, 0, tap),
                    at(three, out, 0, tap) + at(three, out, 1, tap) + at(three, out, 2, tap), 1e-6);
        if (channels == 2) {
          ASSERT_EQ(at(fewer, out, 1, tap), 0);
        }
      }
  }
  EXPECT_THROW(with_input_channels(noise({4, 4, 3, 3}, 1), 3), Error) << "which of four would go?";
  EXPECT_EQ(with_input_channels(noise({4, 4, 3, 3}, 1), 6).size(1), 6);
  EXPECT_FALSE(can_have_input_channels({4, 3, 3, 3}, {5, 4, 3, 3}));
  EXPECT_FALSE(can_have_input_channels({4, 3, 3, 3}, {4, 3, 3, 3})) << "nothing to do";
}

/// Image -> padded -> conv1 of two parts; conv2 reads a map.
Graph two_encoders(int64_t channels) {
  Graph graph;
  const Value image = graph.input("image", {-1, channels, -1, -1});
  const Value padded = graph.add(op::Pad{.pads = {1, 1, 1, 1}}, {image}, "pad");
  for (const std::string part : {"color.", "depth."}) {
    const Value first =
        graph.parameter({.name = part + "backbone.conv1.weight", .shape = {4, channels, 3, 3}});
    const Value second = graph.parameter({.name = part + "backbone.conv2.weight", .shape = {2, 4, 1, 1}});
    graph.output(part + "y", graph.add(op::Conv{}, {graph.add(op::Conv{}, {padded, first}), second}));
  }
  return graph;
}

TEST(FirstLayer, IsFoundBehindWhatPreparesTheImage) {
  EXPECT_THAT(image_weights(two_encoders(3)),
              ElementsAre("color.backbone.conv1.weight", "depth.backbone.conv1.weight"));
  EXPECT_TRUE(image_weights(Graph()).empty());
}

TEST(FirstLayer, APretrainedFileFillsEveryEncoderForAnyNumberOfChannels) {
  const TemporaryFolder folder;
  const Weights file{{"conv1.weight", noise({4, 3, 3, 3}, 1)}, {"conv2.weight", noise({2, 4, 1, 1}, 2)}};
  write_safetensors(folder / "x.safetensors", file);
  const Pretrained same = load_pretrained(folder / "x.safetensors", two_encoders(3));
  EXPECT_EQ(same.weights.size(), 4u);
  EXPECT_TRUE(same.adapted.empty());
  const Pretrained four = load_pretrained(folder / "x.safetensors", two_encoders(4));
  EXPECT_EQ(four.weights.size(), 4u);
  EXPECT_THAT(
      four.adapted,
      ElementsAre(HasSubstr("color.backbone.conv1.weight: 3 channels in the file, 4 here; those behind"),
                  HasSubstr("depth.backbone.conv1.weight")));
  for (const char* part : {"color", "depth"}) {
    const Tensor& weight = four.weights.at(std::string(part) + ".backbone.conv1.weight");
    EXPECT_TRUE(std::ranges::equal(weight.data<float>(),
                                   with_input_channels(file.at("conv1.weight"), 4).data<float>()));
  }
  // A layer that reads a map of other depth is still another network's.
  Weights other = file;
  other["conv2.weight"] = noise({2, 3, 1, 1}, 2);
  write_safetensors(folder / "y.safetensors", other);
  EXPECT_THROW(load_pretrained(folder / "y.safetensors", two_encoders(4)), Error);
}

}  // namespace
}  // namespace vitrail
