// Layers over volumes: what the graph makes of them, in the reference interpreter, is what plain loops find.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

}  // namespace
}  // namespace vitrail
