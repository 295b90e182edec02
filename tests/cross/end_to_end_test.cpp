// Networks exported from end to end: what ONNX Runtime finds in a picture is what our predictor finds.

#include "vitrail/predict/end_to_end.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "cross/onnx_runtime.h"
#include "narrow_ssd.h"
#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/resize.h"
#include "vitrail/image/resized_input.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/instance.h"

namespace vitrail {
namespace {

constexpr int64_t side = narrow_ssd_side;

struct Case {
  std::string name;
  std::map<std::string, std::string> set = {};
  InstanceChoice choice = {};
  double mask_threshold = 0;
};

/// Networks of every kind, and choices. ONNX Runtime computes channels in blocks of 16 where it can.
std::vector<Case> cases() {
  const std::map<std::string, std::string> blocks = {{"branch_channels", "32"}};
  const InstanceChoice second{.least_score = 0.4, .classes = {1}, .most = 7};
  return {{"ssd-mobilenet"},
          {"ssd-mobilenet-single-branch"},
          {"ssd-mobilenet-single-shape"},
          {"ssd-mobilenet-single-shape-plus"},
          {"ssd-mobilenet-multi-shape"},
          {"ssd-mobilenet-multi-shape", {{"decoder", "fcn16"}, {"class_masks", "1"}}},
          {"ssd-mobilenet-multi-shape", {{"conditioned", "1"}, {"scores", "softmax"}}},
          {"ssd-mobilenet-multi-shape", {{"branch_boxes", "3"}}},
          {"ssd-mobilenet-single-branch", {{"encompassing", "0"}}},
          {"ssd-mobilenet-multi-shape", {}, second},
          {"ssd-mobilenet-multi-shape", {}, {.least_score = 0.9999}},
          {"ssd-mobilenet-multi-shape", blocks, {.least_score = 0.9999}},
          {"ssd-mobilenet-multi-shape", blocks, {.most = 2}},
          {"ssd-mobilenet-single-shape-plus", blocks, {.most = 9}},
          {"ssd-mobilenet-multi-shape", {}, {.masks = false}}};
}

std::string title(const Case& c) {
  std::string text = c.name;
  for (const auto& [key, value] : c.set)
    text += cat(" ", key, "=", value);
  return cat(text, " score ", c.choice.least_score);
}

Image picture_of(size_t number) {
  return noise_image(side, side, 3, number + 1);
}

Model model_of(const Case& c) {
  Model model = narrow_ssd(c.name, c.set);
  // Random masks lean to one side; between their logits some pixels are set and some are not.
  std::get<SsdSystem>(model.info.instance).mask_threshold = c.mask_threshold;
  return model;
}

int64_t expect_mask(const Rle& rle, std::span<const uint8_t> pixels, const std::string& where) {
  const Mask mask = rle.counts.empty() ? Mask(1, static_cast<int64_t>(pixels.size())) : decode_rle(rle);
  EXPECT_EQ(mask.pixels.size(), pixels.size()) << where;
  if (mask.pixels.size() != pixels.size()) return 0;
  int64_t wrong = 0, set = 0;
  for (size_t i = 0; i < pixels.size(); ++i) {
    wrong += (mask.pixels[i] != 0) != (pixels[i] != 0);
    set += mask.pixels[i];
  }
  EXPECT_LE(wrong, 2 + set / 200) << where;  // pixels on the edge of the threshold
  return set;
}

struct Seen {
  int64_t set = 0, all = 0;
};

Seen expect_same(const Case& c, const std::vector<FoundInstance>& ours, const RuntimeResult& theirs) {
  EXPECT_EQ(theirs.error, "") << title(c);
  Seen seen;
  if (!theirs.error.empty()) return seen;
  const Tensor &boxes = theirs.outputs[0], &scores = theirs.outputs[1], &classes = theirs.outputs[2];
  EXPECT_EQ(boxes.shape(), (Shape{static_cast<int64_t>(ours.size()), 4})) << title(c);
  if (boxes.size(0) != static_cast<int64_t>(ours.size())) return seen;
  for (size_t i = 0; i < ours.size(); ++i) {
    const std::string where = cat(title(c), ", object ", i);
    const float* box = boxes.data<float>().data() + 4 * i;
    EXPECT_NEAR(box[0], ours[i].box.x1, 0.02) << where;
    EXPECT_NEAR(box[1], ours[i].box.y1, 0.02) << where;
    EXPECT_NEAR(box[2], ours[i].box.x2, 0.02) << where;
    EXPECT_NEAR(box[3], ours[i].box.y2, 0.02) << where;
    EXPECT_NEAR(scores.data<float>()[i], ours[i].score, 1e-4) << where;
    EXPECT_EQ(classes.data<int64_t>()[i], ours[i].class_index) << where;
    if (theirs.outputs.size() < 4) continue;
    const size_t pixels = static_cast<size_t>(theirs.outputs[3].elements()) / ours.size();
    seen.set +=
        expect_mask(ours[i].mask, theirs.outputs[3].data<uint8_t>().subspan(i * pixels, pixels), where);
    seen.all += static_cast<int64_t>(pixels);
  }
  return seen;
}

TEST(EndToEnd, OnnxRuntimeFindsWhatThePredictorFinds) {
  if (const std::string why = why_no_onnx_runtime(); !why.empty()) GTEST_SKIP() << why;
  std::vector<Case> all = cases();
  std::vector<RuntimeJob> jobs;
  std::vector<std::vector<FoundInstance>> found;
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].mask_threshold = i % 2 == 0 ? -0.05 : 0.05;
    const Model model = model_of(all[i]);
    const Image picture = picture_of(i);
    found.push_back(InstancePredictor(model, {.engine = {.threads = 1}}, all[i].choice).predict(picture));
    const Tensor input = resized_input(picture, model.info.preprocessing, side, side);
    jobs.push_back({onnx_bytes(end_to_end(model, {0, 0}, all[i].choice)), {{"image", input}}});
  }
  const std::vector<RuntimeResult> results = run_onnx_runtime(jobs);
  Seen seen;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto [set, pixels] = expect_same(all[i], found[i], results[i]);
    seen.set += set;
    seen.all += pixels;
  }
  EXPECT_GT(seen.set, 10000);
  EXPECT_GT(seen.all - seen.set, 10000);
}

TEST(EndToEnd, TheModelThatShipsFindsTheSamePerson) {
  if (const std::string why = why_no_onnx_runtime(); !why.empty()) GTEST_SKIP() << why;
  const std::filesystem::path models = std::filesystem::path(VITRAIL_SOURCE_DIR) / "models";
  const Model model = read_onnx(models / "people.onnx");
  const auto& p = model.info.preprocessing;
  const Image picture = resize_image(read_image(models / "samples/astronaut.jpg"), p.height, p.width);
  const Case people{.name = "people.onnx", .choice = {.least_score = 0.1}};
  const std::vector<FoundInstance> found = InstancePredictor(model, {}, people.choice).predict(picture);
  ASSERT_FALSE(found.empty());
  const Tensor input = resized_input(picture, p, p.height, p.width);
  const RuntimeJob job{onnx_bytes(end_to_end(model, {0, 0}, people.choice)), {{"image", input}}};
  const Seen seen = expect_same(people, found, run_onnx_runtime({job}).at(0));
  EXPECT_GT(seen.set, 50000);
}

TEST(EndToEnd, SaysWhatCannotBe) {
  const auto refused = [](const Model& model, Pair size = {0, 0}, InstanceChoice choice = {}) {
    EXPECT_THROW(end_to_end(model, size, choice), Error);
  };
  const Model model = narrow_ssd("ssd-mobilenet-multi-shape", {});
  refused(model, {150, 160});
  refused(model, {}, {.classes = {9}});
  refused(narrow_ssd("ssd-mobilenet-multi-shape", {{"from_anchors", "1"}}));
  refused(build_net("mobilenet-x0.25-os8", {.classes = 3}));
  EXPECT_THROW(InstancePredictor(onnx_from_bytes(onnx_bytes(end_to_end(model)), "whole.onnx")), Error);
}

}  // namespace
}  // namespace vitrail
