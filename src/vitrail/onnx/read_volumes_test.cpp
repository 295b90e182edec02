// Layers over volumes: what the graph makes of them, in the reference interpreter, is what plain loops find.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutate.h>
#include <reference_interpreter.h>
#include <volume_models.h>

#include "vitrail/base/error.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

void expect_what_loops_find(const VolumeLayer& layer) {
  SCOPED_TRACE(layer.text());
  const Model model = onnx_from_bytes(layer.file(), "volume.onnx");
  const Tensor x = layer.input();
  const reference::Array made = reference::run(model.graph, model.weights, {x}).at(0);
  EXPECT_LE(reference::relative_difference(layer.expected(x), made), 1e-6);
}

void expect_what_loops_find(const std::string& type) {
  Random random(17);
  for (int i = 0; i < 60; ++i)
    expect_what_loops_find(random_volume_layer(type, random));
}

TEST(OnnxVolumes, Conv) {
  expect_what_loops_find("Conv");
}
TEST(OnnxVolumes, ConvTranspose) {
  expect_what_loops_find("ConvTranspose");
}
TEST(OnnxVolumes, MaxPool) {
  expect_what_loops_find("MaxPool");
}
TEST(OnnxVolumes, AveragePool) {
  expect_what_loops_find("AveragePool");
}

// A 3D U-Net: from the first layer to the last one nothing is a volume, and no weight is lost or doubled.
TEST(OnnxVolumes, LayersFollowEachOtherBySlices) {
  const Model model =
      read_onnx(std::filesystem::path(VITRAIL_SOURCE_DIR) / "tests/fixtures/volumes/unet.onnx");
  std::vector<std::string> volumes;
  int normalised = 0;
  for (const Node& node : model.graph.nodes()) {
    if (model.graph.shape(node.outputs[0]).size() == 5) volumes.emplace_back(type_name(node.op));
    if (!std::holds_alternative<op::BatchNormalization>(node.op)) continue;
    const Node* before = model.graph.producer_of(node.inputs[0]);
    ASSERT_NE(before, nullptr);
    EXPECT_TRUE(std::holds_alternative<op::Conv>(before->op)) << node.name;
    ++normalised;
  }
  EXPECT_EQ(normalised, 10);
  EXPECT_THAT(volumes, testing::ElementsAre("Transpose", "Reshape", "Transpose"));
  int64_t elements = 0;
  for (const Parameter& parameter : model.graph.parameters())
    elements += element_count(parameter.shape);
  EXPECT_EQ(elements, 5477 + 80);  // what PyTorch counts, and running statistics
}

// Faults in layers of a file: it is read or refused, and what is read has shapes.
TEST(OnnxVolumes, DamagedFiles) {
  Random random(5);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    const char* const types[] = {"Conv", "ConvTranspose", "MaxPool", "AveragePool"};
    VolumeLayer layer = random_volume_layer(types[i % 4], random);
    WindowAlong& along = layer.along[static_cast<size_t>(random.integer(0, 2))];
    int64_t* const members[] = {&along.kernel, &along.stride, &along.dilation,      &along.before,
                                &along.after,  &along.in,     &along.output_padding};
    int64_t& changed = *members[random.integer(0, 6)];
    const bool is_large = &changed == &along.kernel || &changed == &along.in;  // of tensors that we make
    if (random.chance(0.7)) changed = random.integer(is_large ? 1 : -2, is_large ? 40 : int64_t{1} << 21);
    const std::string bytes = random.chance(0.5) ? layer.file() : mutated(layer.file(), random);
    try {
      const Model model = onnx_from_bytes(bytes, "damaged.onnx", {.most_constant_bytes = 1 << 24});
      EXPECT_FALSE(model.graph.outputs().empty());
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("damaged.onnx"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

// What has no convolution by slices says so, with the node's name.
TEST(OnnxVolumes, ErrorsSayWhatIsWrong) {
  Random random(3);
  VolumeLayer layer = random_volume_layer("Conv", random);
  layer.auto_pad = "NOTSET";
  layer.open = false;
  layer.along[0] = {.in = 2, .kernel = 3, .dilation = 2};
  try {
    onnx_from_bytes(layer.file(), "small.onnx");
    ADD_FAILURE() << "a window that does not fit was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("small.onnx: node 'layer' (Conv)"));
    EXPECT_THAT(error.what(), HasSubstr("depth 2"));
  }
}

}  // namespace
}  // namespace vitrail
