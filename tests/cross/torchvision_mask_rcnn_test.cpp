// torchvision's Mask R-CNN: random weights that Debian's python3-torchvision saved load by name, and the
// predictor finds what torchvision found: boxes, classes, scores and masks.

#include "cross/torchvision_detection.h"
#include "temporary_folder.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

Rle mask_of(const Tensor& masks, size_t index) {
  Mask mask(masks.size(1), masks.size(2));
  const size_t size = mask.pixels.size();
  const auto values = masks.data<float>().subspan(index * size, size);
  std::transform(values.begin(), values.end(), mask.pixels.begin(), [](float value) { return value > 0.5f; });
  return encode_rle(mask);
}

double overlap(const Rle& a, const Rle& b) {
  return area(a) == 0 && area(b) == 0 ? 1 : iou(a, b);
}

void compare(int64_t short_side, int64_t long_side, const std::vector<fs::path>& pictures) {
  if (python_with_torchvision().empty())
    GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  const TemporaryFolder folder;
  run_torchvision("save_mask_rcnn.py", folder.path(), cat(short_side, " ", long_side), pictures);
  const InstancePredictor predictor(detector_with_weights(
      "maskrcnn-resnet50-fpn", {{"short_side", cat(short_side)}, {"long_side", cat(long_side)}},
      folder / "mask_rcnn.pth"));
  const TorchFile run = read_torch_file(folder / "mask_rcnn_run.pth");
  const int64_t count = run.tensors.at("count").data<int64_t>()[0];
  ASSERT_GE(count, 3);
  for (int64_t i = 0; i < count; ++i) {
    SCOPED_TRACE(cat("picture ", i));
    const TorchvisionObjects expected(run, i);
    const Tensor masks = run.tensors.at(cat("masks_", i));
    expect_all_found(predictor.predict(expected.picture), expected, 100,
                     [&](const FoundInstance& ours, size_t box) {
                       EXPECT_GE(overlap(ours.mask, mask_of(masks, box)), 0.99) << "box " << box;
                     });
  }
}

TEST(TorchvisionMaskRcnn, FindsTheSameInSmallPictures) {
  compare(128, 192, {});
}

// Half a minute: with VITRAIL_ALL_TORCHVISION=1 in the environment.
TEST(TorchvisionMaskRcnn, FindsTheSameInPhotosAtFullSize) {
  if (std::getenv("VITRAIL_ALL_TORCHVISION") == nullptr) GTEST_SKIP() << "set VITRAIL_ALL_TORCHVISION=1";
  const std::vector<fs::path> photos = three_photos();
  if (photos.size() < 3) GTEST_SKIP() << "no photos in ../shared/data/coco/images";
  compare(800, 1333, photos);
}

}  // namespace
}  // namespace vitrail
