// torchvision's SSD300: random weights that Debian's python3-torchvision saved load by name, the network says
// what torchvision's says, and the predictor finds what torchvision found.

#include "cross/compare.h"
#include "cross/torchvision_detection.h"
#include "temporary_folder.h"
#include "vitrail/engine/engine.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

void expect_same_outputs(const Model& model, const TorchFile& run) {
  const std::vector<Tensor> found = Engine(model.graph, model.weights).run({run.tensors.at("input")});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_LE(relative_difference(found[0], run.tensors.at("box_codes")), 1e-4);
  EXPECT_LE(relative_difference(found[1], run.tensors.at("class_logits")), 1e-4);
}

void compare(const std::vector<fs::path>& pictures) {
  if (python_with_torchvision().empty())
    GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  const TemporaryFolder folder;
  run_torchvision("save_ssd300.py", folder.path(), "", pictures);
  const Model model = detector_with_weights("ssd300-vgg16", {}, folder / "ssd300.pth");
  const TorchFile run = read_torch_file(folder / "ssd300_run.pth");
  expect_same_outputs(model, run);
  const InstancePredictor predictor(model);
  const int64_t count = run.tensors.at("count").data<int64_t>()[0];
  ASSERT_GE(count, 3);
  for (int64_t i = 0; i < count; ++i) {
    SCOPED_TRACE(cat("picture ", i));
    const TorchvisionObjects expected(run, i);
    expect_all_found(predictor.predict(expected.picture), expected, 200, [](const FoundInstance&, size_t) {});
  }
}

TEST(TorchvisionSsd300, FindsTheSameInSmallPictures) {
  compare({});
}

// With VITRAIL_ALL_TORCHVISION=1 in the environment.
TEST(TorchvisionSsd300, FindsTheSameInPhotos) {
  if (std::getenv("VITRAIL_ALL_TORCHVISION") == nullptr) GTEST_SKIP() << "set VITRAIL_ALL_TORCHVISION=1";
  const std::vector<fs::path> photos = three_photos();
  if (photos.size() < 3) GTEST_SKIP() << "no photos in ../shared/data/coco/images";
  compare(photos);
}

}  // namespace
}  // namespace vitrail
