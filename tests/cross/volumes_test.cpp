// Volumes N x C x D x H x W against ONNX Runtime: single layers drawn at random, and small networks of
// medical imaging as torch.onnx exports them.

#include <volume_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

TEST(Volumes, LayersGiveWhatOnnxRuntimeGives) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  Random random(23);
  std::vector<VolumeLayer> layers;
  std::vector<RuntimeJob> jobs;
  for (const char* type : {"Conv", "ConvTranspose", "MaxPool", "AveragePool"})
    for (int i = 0; i < 25; ++i) {
      layers.push_back(random_volume_layer(type, random));
      jobs.push_back({layers.back().file(), {{"x", layers.back().input()}}});
    }
  const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
  for (size_t i = 0; i < layers.size(); ++i) {
    SCOPED_TRACE(layers[i].text());
    ASSERT_EQ(theirs[i].error, "");
    const Model model = onnx_from_bytes(jobs[i].onnx, "volume.onnx");
    const Engine engine(model.graph, model.weights);
    EXPECT_LE(relative_difference(engine.run({layers[i].input()}).at(0), theirs[i].outputs.at(0)), 1e-5);
  }
}

void expect_same(const std::string& onnx, const std::vector<Shape>& shapes) {
  std::vector<RuntimeJob> jobs;
  for (const Shape& shape : shapes)
    jobs.push_back({onnx, {{"volume", random_tensor(shape, 11)}}});
  const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
  const Model model = onnx_from_bytes(onnx, "volumes.onnx");
  const Engine engine(model.graph, model.weights);
  for (size_t i = 0; i < shapes.size(); ++i) {
    SCOPED_TRACE(to_string(shapes[i]));
    ASSERT_EQ(theirs[i].error, "");
    const std::vector<Tensor> ours = engine.run({jobs[i].inputs[0].second});
    ASSERT_EQ(ours.size(), theirs[i].outputs.size());
    for (size_t k = 0; k < ours.size(); ++k)
      EXPECT_LE(relative_difference(ours[k], theirs[i].outputs[k]), 1e-4) << "output " << k;
  }
}

TEST(Volumes, ExportedNetworksGiveWhatOnnxRuntimeGives) {
  if (python_with_torchvision().empty())
    GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const TemporaryFolder folder;
  run_torchvision("export_volumes.py", folder.path(), "", {});
  for (const char* name : {"unet.onnx", "vnet.onnx", "instance.onnx"}) {
    SCOPED_TRACE(name);
    expect_same(read_file(folder / name), {{1, 1, 16, 24, 32}});
  }
  expect_same(read_file(folder / "unet_open.onnx"),
              {{1, 1, 16, 24, 32}, {2, 1, 12, 20, 16}, {3, 1, 8, 8, 12}});
}

}  // namespace
}  // namespace vitrail
