// torchvision's SSD300: random weights that Debian's python3-torchvision saved load by name, the network says
// what torchvision's says, and the predictor finds what torchvision found.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "cross/compare.h"
#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/instance.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/torch_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

Model model_with_weights(const fs::path& file) {
  Model model = build_net("ssd300-vgg16", {.classes = 90});
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

void expect_same_outputs(const Model& model, const TorchFile& run) {
  const std::vector<Tensor> found = Engine(model.graph, model.weights).run({run.tensors.at("input")});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_LE(relative_difference(found[0], run.tensors.at("box_codes")), 1e-4);
  EXPECT_LE(relative_difference(found[1], run.tensors.at("class_logits")), 1e-4);
}

// Boxes whose scores are nearer than the rounding may come in another order, so each of torchvision's is
// looked for among those of ours that have its class and score.
void expect_same(const std::vector<FoundInstance>& found, const TorchFile& run, int64_t picture) {
  const auto expected = [&](const char* what) { return run.tensors.at(cat(what, "_", picture)); };
  const Tensor boxes = expected("boxes"), scores = expected("scores"), labels = expected("labels");
  ASSERT_GE(scores.elements(), 10) << "a picture without boxes compares nothing";
  ASSERT_EQ(static_cast<int64_t>(found.size()), scores.elements());
  std::vector<bool> taken(found.size(), false);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto box = boxes.data<float>().subspan(4 * i, 4);
    const auto is_same = [&](const FoundInstance& ours) {
      const float corners[] = {ours.box.x1, ours.box.y1, ours.box.x2, ours.box.y2};
      return ours.class_index + 1 == labels.data<int64_t>()[i] &&
             std::abs(ours.score - scores.data<float>()[i]) <= 1e-3 &&
             std::equal(box.begin(), box.end(), corners,
                        [](float a, float b) { return std::abs(a - b) <= 0.5; });
    };
    size_t match = 0;
    while (match < found.size() && (taken[match] || !is_same(found[match])))
      ++match;
    ASSERT_LT(match, found.size()) << "picture " << picture << ", box " << i << " of score "
                                   << scores.data<float>()[i];
    taken[match] = true;
    EXPECT_NEAR(found[i].score, scores.data<float>()[i], 1e-3);
  }
}

void compare(const std::vector<fs::path>& pictures) {
  const std::string python = python_with_torchvision();
  if (python.empty()) GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  const TemporaryFolder folder;
  const fs::path script = fs::path(VITRAIL_SOURCE_DIR) / "tests/torchvision/save_ssd300.py";
  std::string command = cat(python, " '", script.string(), "' '", folder.path().string(), "'");
  for (const fs::path& picture : pictures)
    command += cat(" '", picture.string(), "'");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const Model model = model_with_weights(folder / "ssd300.pth");
  const TorchFile run = read_torch_file(folder / "ssd300_run.pth");
  expect_same_outputs(model, run);
  const InstancePredictor predictor(model);
  const int64_t count = run.tensors.at("count").data<int64_t>()[0];
  ASSERT_GE(count, 3);
  for (int64_t i = 0; i < count; ++i)
    expect_same(predictor.predict(image_of(run.tensors.at(cat("image_", i)))), run, i);
}

TEST(TorchvisionSsd300, FindsTheSameInSmallPictures) {
  compare({});
}

// With VITRAIL_ALL_TORCHVISION=1 in the environment.
TEST(TorchvisionSsd300, FindsTheSameInPhotos) {
  if (std::getenv("VITRAIL_ALL_TORCHVISION") == nullptr) GTEST_SKIP() << "set VITRAIL_ALL_TORCHVISION=1";
  const fs::path folder = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/coco/images";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "no photos in " << folder;
  std::vector<fs::path> photos;
  for (const auto& entry : fs::directory_iterator(folder))
    photos.push_back(entry.path());
  ASSERT_GE(photos.size(), 3u);
  std::sort(photos.begin(), photos.end());
  photos.resize(3);
  compare(photos);
}

}  // namespace
}  // namespace vitrail
