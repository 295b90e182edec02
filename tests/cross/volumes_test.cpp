// Volumes N x C x D x H x W against ONNX Runtime: single layers drawn at random, and small networks of
// medical imaging as torch.onnx exports them, also when they are written again and when they are quantised.

#include <volume_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/quantize/quantize.h"

namespace vitrail {
namespace {

// Of its file, and of the file that we write of it.
TEST(Volumes, LayersGiveWhatOnnxRuntimeGives) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  Random random(23);
  std::vector<VolumeLayer> layers;
  std::vector<RuntimeJob> jobs;
  for (const char* type : {"Conv", "ConvTranspose", "MaxPool", "AveragePool"})
    for (int i = 0; i < 15; ++i) {
      layers.push_back(random_volume_layer(type, random));
      const std::string file = layers.back().file();
      jobs.push_back({file, {{"x", layers.back().input()}}});
      jobs.push_back({onnx_bytes(onnx_from_bytes(file, "volume.onnx")), jobs.back().inputs});
    }
  const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
  for (size_t i = 0; i < layers.size(); ++i) {
    SCOPED_TRACE(layers[i].text());
    ASSERT_EQ(theirs[2 * i].error, "");
    ASSERT_EQ(theirs[2 * i + 1].error, "") << "written again";
    const Model model = onnx_from_bytes(jobs[2 * i].onnx, "volume.onnx");
    const Tensor ours = Engine(model.graph, model.weights).run({layers[i].input()}).at(0);
    EXPECT_LE(relative_difference(ours, theirs[2 * i].outputs.at(0)), 1e-5);
    EXPECT_LE(relative_difference(ours, theirs[2 * i + 1].outputs.at(0)), 1e-5) << "written again";
  }
}

class ExportedVolumes : public testing::Test {
 protected:
  void SetUp() override {
    if (python_with_torchvision().empty())
      GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
    if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
    run_torchvision("export_volumes.py", folder_.path(), "", {});
  }

  // Of this file, and of the file that we write of it.
  void expect_same(const char* name, const std::vector<Shape>& shapes) const {
    SCOPED_TRACE(name);
    const std::string onnx = read_file(folder_ / name);
    const Model model = onnx_from_bytes(onnx, name);
    const std::string written = onnx_bytes(model);
    std::vector<RuntimeJob> jobs;
    for (const Shape& shape : shapes)
      for (const std::string& file : {onnx, written})
        jobs.push_back({file, {{"volume", random_tensor(shape, 11)}}});
    const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
    const Engine engine(model.graph, model.weights);
    for (size_t i = 0; i < jobs.size(); ++i) {
      SCOPED_TRACE(cat(to_string(shapes[i / 2]), i % 2 == 0 ? "" : ", written again"));
      ASSERT_EQ(theirs[i].error, "");
      const std::vector<Tensor> ours = engine.run({jobs[i].inputs[0].second});
      ASSERT_EQ(ours.size(), theirs[i].outputs.size());
      for (size_t k = 0; k < ours.size(); ++k)
        EXPECT_LE(relative_difference(ours[k], theirs[i].outputs[k]), 1e-4) << "output " << k;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(ExportedVolumes, GiveWhatOnnxRuntimeGives) {
  for (const char* name : {"unet.onnx", "vnet.onnx", "instance.onnx"})
    expect_same(name, {{1, 1, 16, 24, 32}});
  expect_same("unet_open.onnx", {{1, 1, 16, 24, 32}, {2, 1, 12, 20, 16}, {3, 1, 8, 8, 12}});
}

// Its bytes compute nearly what its floats do, and in ONNX Runtime what they do here.
TEST_F(ExportedVolumes, AreQuantised) {
  const Model model = read_onnx(folder_ / "unet.onnx");
  const auto volume = [](int64_t i) {
    return random_tensor({1, 1, 16, 24, 32}, static_cast<uint64_t>(40 + i));
  };
  const QuantizedModel small = quantized(model, {.count = 4, .load = volume});
  EXPECT_GE(
      std::count_if(small.layers.begin(), small.layers.end(), [](const auto& layer) { return !layer.kept; }),
      8);
  const Tensor floats = Engine(model.graph, model.weights).run({volume(9)}).at(0);
  const Tensor bytes = Engine(small.model.graph, small.model.weights).run({volume(9)}).at(0);
  EXPECT_LE(relative_difference(bytes, floats), 0.1);
  const std::vector<RuntimeResult> theirs =
      run_onnx_runtime({{onnx_bytes(small.model), {{"volume", volume(9)}}}});
  ASSERT_EQ(theirs[0].error, "");
  EXPECT_LE(relative_difference(bytes, theirs[0].outputs.at(0)), 0.05);
}

}  // namespace
}  // namespace vitrail
