// torchvision's Mask R-CNN: random weights that Debian's python3-torchvision saved load by name, and the
// predictor finds what torchvision found: boxes, classes, scores and masks.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/instance.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/torch_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

Model model_with_weights(const fs::path& file, int64_t short_side, int64_t long_side) {
  Model model =
      build_net("maskrcnn-resnet50-fpn",
                {.classes = 90, .set = {{"short_side", cat(short_side)}, {"long_side", cat(long_side)}}});
  const Pretrained loaded = load_pretrained(file, model.graph);
  EXPECT_TRUE(loaded.unused.empty()) << join(loaded.unused);
  EXPECT_TRUE(loaded.skipped.empty()) << join(loaded.skipped);
  EXPECT_EQ(loaded.weights.size(), model.graph.parameters().size()) << "every parameter comes from the file";
  model.weights = loaded.weights;
  for (int64_t c = 0; c < 90; ++c)
    model.info.classes.push_back({.name = cat("class ", c)});
  return model;
}

Image image_of(const Tensor& pixels) {
  Image image(pixels.size(0), pixels.size(1));
  std::transform(pixels.data<float>().begin(), pixels.data<float>().end(), image.pixels.begin(),
                 [](float value) { return static_cast<uint8_t>(value); });
  return image;
}

Mask mask_of(const Tensor& masks, int64_t index) {
  Mask mask(masks.size(1), masks.size(2));
  const auto size = static_cast<int64_t>(mask.pixels.size());
  const auto values =
      masks.data<float>().subspan(static_cast<size_t>(index * size), static_cast<size_t>(size));
  std::transform(values.begin(), values.end(), mask.pixels.begin(), [](float value) { return value > 0.5f; });
  return mask;
}

double overlap(const Rle& a, const Rle& b) {
  return area(a) == 0 && area(b) == 0 ? 1 : iou(a, b);
}

// What torchvision found in one picture.
struct Expected {
  Tensor boxes, scores, labels, masks;

  Expected(const TorchFile& run, int64_t picture) {
    const auto tensor = [&](const char* what) { return run.tensors.at(cat(what, "_", picture)); };
    boxes = tensor("boxes");
    scores = tensor("scores");
    labels = tensor("labels");
    masks = tensor("masks");
  }
  bool is(const FoundInstance& found, size_t i) const {
    const float corners[] = {found.box.x1, found.box.y1, found.box.x2, found.box.y2};
    double off = 0;
    for (size_t k = 0; k < 4; ++k)
      off = std::max(off, std::abs(static_cast<double>(corners[k] - boxes.data<float>()[4 * i + k])));
    return off <= 0.5 && std::abs(found.score - scores.data<float>()[i]) <= 1e-3f &&
           found.class_index + 1 == labels.data<int64_t>()[i];
  }
};

// Scores in the last bits apart may change places, so each box is looked for among all; and the last of a
// full list may be one of several.
void expect_same(const std::vector<FoundInstance>& found, const TorchFile& run, int64_t picture) {
  const Expected expected(run, picture);
  const auto scores = expected.scores.data<float>();
  ASSERT_GE(scores.size(), 10u) << "a picture without boxes compares nothing";
  ASSERT_EQ(found.size(), scores.size());
  const float cut = scores.size() == 100 ? scores.back() + 1e-4f : 0;
  size_t compared = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] < cut) continue;
    const auto same =
        std::find_if(found.begin(), found.end(), [&](const auto& each) { return expected.is(each, i); });
    ASSERT_NE(same, found.end()) << "picture " << picture << ", box " << i << " of score " << scores[i];
    EXPECT_GE(overlap(same->mask, encode_rle(mask_of(expected.masks, static_cast<int64_t>(i)))), 0.99)
        << "picture " << picture << ", box " << i;
    ++compared;
  }
  EXPECT_GE(compared, scores.size() - 5);
}

void compare(int64_t short_side, int64_t long_side, const std::vector<fs::path>& pictures) {
  const std::string python = python_with_torchvision();
  if (python.empty()) GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  const TemporaryFolder folder;
  const fs::path script = fs::path(VITRAIL_SOURCE_DIR) / "tests/torchvision/save_mask_rcnn.py";
  std::string command =
      cat(python, " '", script.string(), "' '", folder.path().string(), "' ", short_side, " ", long_side);
  for (const fs::path& picture : pictures)
    command += cat(" '", picture.string(), "'");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const InstancePredictor predictor(model_with_weights(folder / "mask_rcnn.pth", short_side, long_side));
  const TorchFile run = read_torch_file(folder / "mask_rcnn_run.pth");
  const int64_t count = run.tensors.at("count").data<int64_t>()[0];
  ASSERT_GE(count, 3);
  for (int64_t i = 0; i < count; ++i)
    expect_same(predictor.predict(image_of(run.tensors.at(cat("image_", i)))), run, i);
}

TEST(TorchvisionMaskRcnn, FindsTheSameInSmallPictures) {
  compare(128, 192, {});
}

// Half a minute: with VITRAIL_ALL_TORCHVISION=1 in the environment.
TEST(TorchvisionMaskRcnn, FindsTheSameInPhotosAtFullSize) {
  if (std::getenv("VITRAIL_ALL_TORCHVISION") == nullptr) GTEST_SKIP() << "set VITRAIL_ALL_TORCHVISION=1";
  const fs::path folder = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/coco/images";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "no photos in " << folder;
  std::vector<fs::path> photos;
  for (const auto& entry : fs::directory_iterator(folder))
    photos.push_back(entry.path());
  ASSERT_GE(photos.size(), 3u);
  std::sort(photos.begin(), photos.end());
  photos.resize(3);
  compare(800, 1333, photos);
}

}  // namespace
}  // namespace vitrail
