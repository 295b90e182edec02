#pragma once
// torchvision's detectors with random weights, run by Debian's python3-torchvision: what they found in a few
// pictures, and our network with the same weights.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cross/python.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/instance.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/torch_file.h"

namespace vitrail {

/// The first three photos of COCO's that are at hand; none where the shared data are not.
inline std::vector<std::filesystem::path> three_photos() {
  const std::filesystem::path folder =
      std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/coco/images";
  std::vector<std::filesystem::path> photos;
  if (!std::filesystem::is_directory(folder)) return photos;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    photos.push_back(entry.path());
  std::sort(photos.begin(), photos.end());
  photos.resize(std::min<size_t>(photos.size(), 3));
  return photos;
}

/// COCO's 90 classes; every parameter comes from the file, and nothing of it is left over.
inline Model detector_with_weights(const std::string& net, const std::map<std::string, std::string>& set,
                                   const std::filesystem::path& file) {
  Model model = build_net(net, {.classes = 90, .set = set});
  const Pretrained loaded = load_pretrained(file, model.graph);
  EXPECT_TRUE(loaded.unused.empty()) << join(loaded.unused);
  EXPECT_TRUE(loaded.skipped.empty()) << join(loaded.skipped);
  EXPECT_EQ(loaded.weights.size(), model.graph.parameters().size());
  model.weights = loaded.weights;
  for (int64_t c = 0; c < 90; ++c)
    model.info.classes.push_back({.name = cat("class ", c)});
  return model;
}

/// What torchvision found in one picture.
struct TorchvisionObjects {
  Image picture;
  Tensor boxes, scores, labels;

  TorchvisionObjects(const TorchFile& run, int64_t index) {
    const auto tensor = [&](const char* what) { return run.tensors.at(cat(what, "_", index)); };
    const Tensor pixels = tensor("image");
    picture = Image(pixels.size(0), pixels.size(1));
    std::transform(pixels.data<float>().begin(), pixels.data<float>().end(), picture.pixels.begin(),
                   [](float value) { return static_cast<uint8_t>(value); });
    boxes = tensor("boxes");
    scores = tensor("scores");
    labels = tensor("labels");
  }

  size_t count() const { return scores.data<float>().size(); }
  float score(size_t i) const { return scores.data<float>()[i]; }

  /// Boxes within half a pixel, scores within a thousandth.
  bool is(const FoundInstance& found, size_t i) const {
    const float corners[] = {found.box.x1, found.box.y1, found.box.x2, found.box.y2};
    const auto box = boxes.data<float>().subspan(4 * i, 4);
    return std::equal(box.begin(), box.end(), corners,
                      [](float a, float b) { return std::abs(a - b) <= 0.5f; }) &&
           std::abs(found.score - score(i)) <= 1e-3f && found.class_index + 1 == labels.data<int64_t>()[i];
  }
};

/// torchvision's objects found by us, each by another one; `most` is where a detector cuts its list.
/// Scores in the last bits apart may change places, so each box is looked for among all; and of those that
/// tie at the cut of a full list others may have been taken. `same(ours, i)` compares more of a pair.
template <class Same>
void expect_all_found(const std::vector<FoundInstance>& found, const TorchvisionObjects& expected,
                      size_t most, const Same& same) {
  ASSERT_GE(expected.count(), 10u) << "a picture without boxes compares nothing";
  ASSERT_EQ(found.size(), expected.count());
  const float cut = expected.count() == most ? expected.score(most - 1) + 1e-4f : 0;
  std::vector<bool> taken(found.size(), false);
  size_t compared = 0;
  for (size_t i = 0; i < expected.count(); ++i) {
    if (expected.score(i) < cut) continue;
    size_t match = 0;
    while (match < found.size() && (taken[match] || !expected.is(found[match], i)))
      ++match;
    ASSERT_LT(match, found.size()) << "box " << i << " of score " << expected.score(i);
    taken[match] = true;
    same(found[match], i);
    ++compared;
  }
  EXPECT_GE(compared + 5, expected.count());
}

}  // namespace vitrail
