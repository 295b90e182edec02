// Mask R-CNN exported from end to end: what ONNX Runtime finds in pictures of any size is what our predictor
// finds.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "cross/onnx_runtime.h"
#include "narrow_rcnn.h"
#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/engine/engine.h"
#include "vitrail/image/resized_input.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/end_to_end.h"
#include "vitrail/predict/instance.h"

namespace vitrail {
namespace {

struct Case {
  std::string name;
  InstanceChoice choice = {};
  std::map<std::string, std::string> set = {};
  int64_t classes = 3;
  bool fixed = false;  ///< one file for each size
};

std::vector<Case> cases() {
  const InstanceChoice second{.least_score = 0.2, .classes = {1}, .most = 5};
  return {{"mask-rcnn-r50-fpn"},
          {"mask-rcnn-r50-c4"},
          {"mask-rcnn-r101-atrous", {.most = 15}},
          {"maskrcnn-resnet50-fpn"},
          {"pvd-rcnn-r50-c4"},
          {"mask-rcnn-r50-fpn", {}, {}, 1, true},
          {"maskrcnn-resnet50-fpn", second, {{"proposals", "30"}}},
          {"pvd-rcnn-r50-c4", second, {{"form", "matrix"}, {"units", "block"}}},
          {"mask-rcnn-r50-fpn", {.least_score = 0.9999}},
          {"pvd-rcnn-r50-c4", {.least_score = 0.9999}},
          {"mask-rcnn-r50-c4", {.masks = false}}};
}

Model model_of(const Case& c, size_t number) {
  Model model = narrow_rcnn(c.name, c.classes, c.set);
  // What no vote reaches has a probability of a half, give or take a rounding.
  std::get<RcnnSystem>(model.info.instance).mask_threshold = number % 2 == 0 ? 0.48 : 0.52;
  return model;
}

constexpr Extent sizes[] = {{75, 110}, {160, 96}};

std::string title(const Case& c, Extent size) {
  return cat(c.name, " score ", c.choice.least_score, ", ", size.height, "x", size.width);
}

struct Asked {
  Case of;
  Extent size;
  std::vector<FoundInstance> ours;
};

struct Counted {
  int64_t objects = 0, set = 0, clear = 0;
};

/// What was found in the runtime's outputs.
class Theirs {
 public:
  explicit Theirs(const RuntimeResult& result) : outputs_(result.outputs) {}
  size_t count() const { return static_cast<size_t>(outputs_.at(1).elements()); }
  bool has_masks() const { return outputs_.size() > 3; }
  float score(size_t i) const { return outputs_[1].data<float>()[i]; }

  bool is(const FoundInstance& found, size_t i) const {
    const float corners[] = {found.box.x1, found.box.y1, found.box.x2, found.box.y2};
    float off = 0;
    for (size_t k = 0; k < 4; ++k)
      off = std::max(off, std::abs(corners[k] - outputs_[0].data<float>()[4 * i + k]));
    return off <= 0.5f && std::abs(found.score - score(i)) <= 1e-3f &&
           found.class_index == outputs_[2].data<int64_t>()[i];
  }

  Mask mask(size_t i, Extent size) const {
    EXPECT_EQ(outputs_[3].shape(), (Shape{static_cast<int64_t>(count()), size.height, size.width}));
    Mask mask(size.height, size.width);
    const auto pixels = outputs_[3].data<uint8_t>().subspan(i * mask.pixels.size(), mask.pixels.size());
    std::copy(pixels.begin(), pixels.end(), mask.pixels.begin());
    return mask;
  }

 private:
  const std::vector<Tensor>& outputs_;
};

/// Pixels at the very edge of the threshold may fall on either side.
void expect_same_mask(const Rle& ours, const Rle& theirs, const std::string& where, Counted& counted) {
  const int64_t set = area(ours);
  counted.set += set;
  counted.clear += ours.height * ours.width - set;
  if (set == 0 && area(theirs) == 0) return;
  if (set < 200)
    EXPECT_LE(std::abs(set - area(theirs)), 2) << where;
  else
    EXPECT_GE(iou(ours, theirs), 0.99) << where;
}

// Scores in the last bits apart may change places, so each object is looked for among all; and the last of a
// full list may be one of several.
void expect_same(const Asked& asked, const RuntimeResult& result, Counted& counted) {
  const std::string where = title(asked.of, asked.size);
  ASSERT_EQ(result.error, "") << where;
  const Theirs theirs(result);
  ASSERT_EQ(theirs.count(), asked.ours.size()) << where;
  EXPECT_EQ(theirs.has_masks(), asked.of.choice.masks) << where;
  for (size_t i = 0; i < theirs.count(); ++i) {
    const auto same = std::find_if(asked.ours.begin(), asked.ours.end(),
                                   [&](const FoundInstance& each) { return theirs.is(each, i); });
    const std::string object = cat(where, ", object ", i, " of score ", theirs.score(i));
    if (same == asked.ours.end()) {
      EXPECT_LT(theirs.score(i), asked.ours.back().score + 1e-4f) << object;
      continue;
    }
    ++counted.objects;
    if (theirs.has_masks())
      expect_same_mask(same->mask, encode_rle(theirs.mask(i, asked.size)), object, counted);
  }
}

TEST(RcnnEndToEnd, OnnxRuntimeFindsWhatThePredictorFinds) {
  if (const std::string why = why_no_onnx_runtime(); !why.empty()) GTEST_SKIP() << why;
  std::vector<Asked> asked;
  std::vector<RuntimeJob> jobs;
  for (const Case& c : cases()) {
    const Model model = model_of(c, asked.size() / std::size(sizes));
    const std::string any_size = onnx_bytes(end_to_end(model, {0, 0}, c.choice));
    for (const Extent size : sizes) {
      const Image picture = noise_image(size.height, size.width, 3, asked.size() + 1);
      const PredictOptions options{.engine = {.threads = 1}, .input_size = {size.height, size.width}};
      asked.push_back({c, size, InstancePredictor(model, options, c.choice).predict(picture)});
      const Tensor input = resized_input(picture, model.info.preprocessing, size.height, size.width);
      jobs.push_back({c.fixed ? onnx_bytes(end_to_end(model, {size.height, size.width}, c.choice)) : any_size,
                      {{"image", input}}});
    }
  }
  const std::vector<RuntimeResult> results = run_onnx_runtime(jobs);
  Counted counted;
  for (size_t i = 0; i < asked.size(); ++i)
    expect_same(asked[i], results[i], counted);
  EXPECT_GT(counted.objects, 200);
  EXPECT_GT(counted.set, 10000);
  EXPECT_GT(counted.clear, 10000);
}

TEST(RcnnEndToEnd, OurEngineRunsTheFileToo) {
  Counted counted;
  for (const Case& c : cases()) {
    const Model model = model_of(c, 0);
    const Model whole = onnx_from_bytes(onnx_bytes(end_to_end(model, {0, 0}, c.choice)), "whole.onnx");
    const Engine engine(whole.graph, whole.weights, {.threads = 1});
    const Extent size = sizes[0];
    const Image picture = noise_image(size.height, size.width, 3, 40);
    const PredictOptions options{.engine = {.threads = 1}, .input_size = {size.height, size.width}};
    const Asked asked{c, size, InstancePredictor(model, options, c.choice).predict(picture)};
    const Tensor input = resized_input(picture, model.info.preprocessing, size.height, size.width);
    expect_same(asked, {.error = "", .outputs = engine.run({input})}, counted);
  }
  EXPECT_GT(counted.objects, 100);
  EXPECT_GT(counted.set, 5000);
}

TEST(RcnnEndToEnd, SaysWhatCannotBe) {
  Model model = narrow_rcnn("mask-rcnn-r50-fpn", 2);
  EXPECT_THROW(end_to_end(model, {0, 96}), Error);
  EXPECT_THROW(end_to_end(model, {}, {.classes = {2}}), Error);
  EXPECT_THROW(InstancePredictor(onnx_from_bytes(onnx_bytes(end_to_end(model)), "whole.onnx")), Error);
  Model fewer = model;
  std::get<RcnnSystem>(fewer.info.instance).anchors.levels.pop_back();
  EXPECT_THROW(end_to_end(fewer), Error);
  model.info.classes.push_back({.name = "one more"});
  EXPECT_THROW(end_to_end(model), Error);
}

}  // namespace
}  // namespace vitrail
