// torchvision's whole detectors as torch.onnx exports them, from the picture's pixels to pasted masks and
// keypoints: loops over what was found, and sizes that depend on it. The engine gives what ONNX Runtime
// gives.

#include "cross/onnx_runtime.h"
#include "cross/torchvision_detection.h"
#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

// Whether row `i` of `a` is row `j` of `b`: labels equal, floats near.
bool same_row(const Tensor& a, int64_t i, const Tensor& b, int64_t j) {
  const auto row = static_cast<size_t>(a.elements() / a.shape()[0]);
  const auto first = static_cast<size_t>(i) * row, second = static_cast<size_t>(j) * row;
  if (a.type() != DataType::f32) return a.data<int64_t>()[first] == b.data<int64_t>()[second];
  const auto x = a.data<float>().subspan(first, row), y = b.data<float>().subspan(second, row);
  float largest = 0, apart = 0;
  for (size_t k = 0; k < row; ++k) {
    if (!std::isfinite(x[k]) || !std::isfinite(y[k])) return false;
    largest = std::max(largest, std::abs(y[k]));
    apart = std::max(apart, std::abs(x[k] - y[k]));
  }
  return apart <= 1e-3f * largest;
}

// How many objects of `theirs` are among `ours`, with all that is said of them; scores that are nearly equal
// may stand in another order.
int64_t found_again(const std::vector<Tensor>& ours, const std::vector<Tensor>& theirs) {
  int64_t found = 0;
  for (int64_t i = 0; i < theirs[0].shape()[0]; ++i)
    for (int64_t j = 0; j < ours[0].shape()[0]; ++j) {
      bool same = true;
      for (size_t k = 0; same && k < ours.size(); ++k)
        same = same_row(ours[k], j, theirs[k], i);
      if (!same) continue;
      ++found;
      break;
    }
  return found;
}

void expect_same(const fs::path& file, const std::vector<Tensor>& images) {
  SCOPED_TRACE(file.filename().string());
  const std::string bytes = read_file(file);
  std::vector<RuntimeJob> jobs;
  for (const Tensor& image : images)
    jobs.push_back({bytes, {{"image", image}}});
  const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
  const Model model = onnx_from_bytes(bytes, file.string());
  const Engine engine(model.graph, model.weights);
  for (size_t i = 0; i < images.size(); ++i) {
    SCOPED_TRACE(cat("picture ", i));
    ASSERT_EQ(theirs[i].error, "");
    const std::vector<Tensor> ours = engine.run({images[i]});
    ASSERT_EQ(ours.size(), theirs[i].outputs.size());
    for (size_t k = 0; k < ours.size(); ++k)
      ASSERT_EQ(ours[k].shape(), theirs[i].outputs[k].shape()) << model.graph.outputs()[k].name;
    const int64_t count = ours[0].shape()[0];
    ASSERT_GE(count, 3) << "hardly anything was found";
    // Two pixels of a heat map may be as hot, and a score as large as the last one that is kept.
    EXPECT_GE(found_again(ours, theirs[i].outputs), count - count / 10);
  }
}

// `arguments` of export_detectors.py.
void compare(const std::vector<const char*>& files, const std::string& arguments,
             const std::vector<fs::path>& pictures) {
  if (python_with_torchvision().empty())
    GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const TemporaryFolder folder;
  run_torchvision("export_detectors.py", folder.path(), arguments, pictures);
  const TorchFile run = read_torch_file(folder / "images.pth");
  std::vector<Tensor> images;
  for (int64_t i = 0; i < run.tensors.at("count").data<int64_t>()[0]; ++i)
    images.push_back(run.tensors.at(cat("image_", i)));
  ASSERT_GE(images.size(), 3u);
  for (const char* file : files)
    expect_same(folder / file, images);
}

TEST(TorchvisionExport, NarrowDetectorsGiveWhatOnnxRuntimeGives) {
  compare({"mask.onnx", "keypoints.onnx"}, "", {});
}

// Minutes: with VITRAIL_ALL_TORCHVISION=1 in the environment.
TEST(TorchvisionExport, MaskRcnnGivesWhatOnnxRuntimeGives) {
  if (std::getenv("VITRAIL_ALL_TORCHVISION") == nullptr) GTEST_SKIP() << "set VITRAIL_ALL_TORCHVISION=1";
  compare({"mask.onnx"}, "full 320 480", three_photos());
}

}  // namespace
}  // namespace vitrail
