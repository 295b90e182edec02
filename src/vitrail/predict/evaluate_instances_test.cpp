#include "vitrail/predict/evaluate_instances.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/predict/evaluate.h"

namespace vitrail {
namespace {

Rle square(int64_t y, int64_t x, int64_t side) {
  Mask mask(40, 50);
  for (int64_t v = y; v < y + side; ++v)
    for (int64_t u = x; u < x + side; ++u)
      mask.at(v, u) = 1;
  return encode_rle(mask);
}

Instance object(int64_t class_index, int64_t y, int64_t x, int64_t side, int64_t id) {
  const auto left = static_cast<float>(x), top = static_cast<float>(y), length = static_cast<float>(side);
  return {.class_index = class_index,
          .box = {left, top, left + length, top + length},
          .mask = square(y, x, side),
          .area = double(side * side),
          .id = id,
          .box_xywh = {double(x), double(y), double(side), double(side)}};
}

/// Three pictures, the picture's number in its first pixel; classes cat, dog, bird.
class Pictures : public InstanceDataset {
 public:
  int64_t size() const override { return 3; }
  InstanceSample load(int64_t index) const override {
    InstanceSample sample = annotations(index);
    sample.image = Image(40, 50, 3, static_cast<uint8_t>(index));
    return sample;
  }
  InstanceSample annotations(int64_t index) const override {
    InstanceSample sample{.image = {}, .instances = {}, .name = name(index), .id = 100 + index};
    if (index < 2)
      sample.instances = {object(1, 4, 5, 20, 10 * index + 1), object(2, 22, 28, 12, 10 * index + 2)};
    return sample;
  }
  std::string name(int64_t index) const override { return std::string(1, static_cast<char>('a' + index)); }
  std::filesystem::path image_path(int64_t index) const override { return name(index); }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  int64_t category_of(int64_t class_index) const override { return class_index + 1; }

 private:
  std::vector<ClassInfo> classes_ = {{"cat", {}}, {"dog", {}}, {"bird", {}}};
};

const std::vector<ClassInfo> dog = {{"Dog", {}}};

FoundInstance find(const Instance& truth, float score, bool mask = true) {
  return {.box = truth.box, .class_index = 0, .score = score, .mask = mask ? truth.mask : Rle{}};
}

TEST(EvaluateInstances, MeasuresTheModelsClassesAlone) {
  const Pictures data;
  int64_t told = 0;
  InstanceEvaluateOptions options;
  options.boundaries = true;
  options.progress = [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++told);
    return total == 3;
  };
  const auto perfect = [&](const Image& image) -> std::vector<FoundInstance> {
    const InstanceSample sample = data.annotations(image.pixels[0]);
    if (sample.instances.empty()) return {};
    return {find(sample.instances[0], 0.9f)};
  };
  const InstanceEvaluation e = evaluate(perfect, true, dog, data, options);
  EXPECT_EQ(e.images, 3);
  EXPECT_EQ(told, 3);
  EXPECT_EQ(e.boxes.classes(), 1);
  EXPECT_EQ(e.boxes.true_objects(0), 2);  // the birds are none of its business
  EXPECT_NEAR(e.boxes.average_precision({}).value(), 1, 1e-9);
  EXPECT_NEAR(e.masks->average_precision({}).value(), 1, 1e-9);
  EXPECT_NEAR(e.boundaries->average_precision({}).value(), 1, 1e-9);
}

TEST(EvaluateInstances, FindsWithoutAMaskCountForBoxesAlone) {
  const Pictures data;
  const auto half = [&](const Image& image) -> std::vector<FoundInstance> {
    const InstanceSample sample = data.annotations(image.pixels[0]);
    if (sample.instances.empty()) return {};
    return {find(sample.instances[0], 0.9f, image.pixels[0] == 0)};
  };
  const InstanceEvaluation e = evaluate(half, true, dog, data);
  EXPECT_NEAR(e.boxes.average_recall({}).value(), 1, 1e-9);
  EXPECT_NEAR(e.masks->average_recall({}).value(), 0.5, 1e-9);
  EXPECT_EQ(e.masks->found_objects(0), 1);
  EXPECT_FALSE(evaluate(half, false, dog, data).masks);
  const InstanceEvaluation one = evaluate(half, true, dog, data, {.pictures = {1}});
  EXPECT_EQ(one.images, 1);
  EXPECT_EQ(one.masks->found_objects(0), 0);
}

TEST(EvaluateInstances, CanBeCancelledAndRefusesClassesThatAreNotThere) {
  const Pictures data;
  const auto nothing = [](const Image&) { return std::vector<FoundInstance>(); };
  InstanceEvaluateOptions options;
  options.progress = [](int64_t done, int64_t) { return done < 2; };
  EXPECT_THROW(evaluate(nothing, true, dog, data, options), Error);
  try {
    evaluate(nothing, true, {{"dgo", {}}}, data);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'dog'"), std::string::npos) << error.what();
  }
  EXPECT_EQ(model_classes_of(data, {{"bird", {}}, {"dog", {}}}), (std::vector<int64_t>{-1, 1, 0}));
}

}  // namespace
}  // namespace vitrail
