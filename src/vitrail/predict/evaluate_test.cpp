#include "vitrail/predict/evaluate.h"

#include <gmock/gmock.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

/// Grey pictures whose classes are their thirds of brightness, in memory.
class Thirds : public Dataset {
 public:
  explicit Thirds(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  Sample load(int64_t index) const override {
    if (index == broken) throw Error(ErrorKind::format, {.where = name(index), .found = "damaged"});
    Sample sample{.image = Image(10 + index, 12), .labels = LabelMap(10 + index, 12), .name = name(index)};
    for (int64_t y = 0; y < sample.image.height; ++y)
      for (int64_t x = 0; x < 12; ++x) {
        const int64_t value = (x * 23 + y * 31 + index * 7) % 256;
        for (int64_t c = 0; c < 3; ++c)
          sample.image.at(y, x)[c] = static_cast<uint8_t>(value);
        sample.labels.at(y, x) = value > 127 ? 1 : 0;
      }
    sample.labels.at(0, 0) = LabelMap::ignore_label;
    return sample;
  }
  std::string name(int64_t index) const override { return cat("picture", index); }
  std::filesystem::path image_path(int64_t index) const override { return name(index); }
  std::filesystem::path label_path(int64_t index) const override { return name(index); }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  const std::map<int64_t, int64_t>& label_map() const override { return map_; }

  int64_t broken = -1;

 private:
  int64_t size_;
  std::vector<ClassInfo> classes_{{"dark", {}}, {"bright sky", {}}};
  std::map<int64_t, int64_t> map_;
};

/// A 1x1 convolution that is right about every pixel but those darker than `threshold` and brighter than 127.
Model threshold_model(float threshold) {
  Model model;
  const Value image = model.graph.input("image", {-1, 3, -1, -1});
  const Value w = model.graph.parameter({.name = "w", .shape = {2, 3, 1, 1}});
  const Value b = model.graph.parameter({.name = "b", .shape = {2}});
  model.graph.output("logits", model.graph.add(op::Conv{}, {image, w, b}, "conv"));
  model.weights["w"] = Tensor::from<float>({2, 3, 1, 1}, std::vector<float>{0, 0, 0, 1, 0, 0});
  model.weights["b"] = Tensor::from<float>({2}, std::vector<float>{0, -threshold});
  model.info.classes = {{"Dark", {}}, {"bright_sky", {}}};
  model.info.preprocessing = {.mean = {0, 0, 0}, .std = {1, 1, 1}};
  return model;
}

TEST(Evaluate, CountsEveryLabelledPixel) {
  const Thirds data(4);
  const Evaluation e = evaluate(SemanticPredictor(threshold_model(180.5f)), data);
  int64_t expected[2][2] = {};
  for (int64_t i = 0; i < 4; ++i) {
    const Sample s = data.load(i);
    for (int64_t y = 0; y < s.image.height; ++y)
      for (int64_t x = 0; x < 12; ++x)
        if (s.labels.at(y, x) != LabelMap::ignore_label)
          ++expected[s.labels.at(y, x)][s.image.at(y, x)[0] > 180];
  }
  ASSERT_GT(expected[1][0], 0);
  for (int64_t t : {0, 1})
    for (int64_t p : {0, 1})
      EXPECT_EQ(e.matrix.at(t, p), expected[t][p]);
  EXPECT_EQ(e.images, 4);
  EXPECT_GT(e.images_per_second, 0);
  EXPECT_EQ(evaluate(SemanticPredictor(threshold_model(127.5f)), Thirds(1)).matrix.at(1, 0), 0);
}

TEST(Evaluate, TellsProgressAndPredictionsAndCanBeCancelled) {
  const SemanticPredictor predictor(threshold_model(127.5f));
  std::vector<std::string> names;
  EvaluateOptions options;
  options.prediction = [&](const Sample& sample, const LabelMap& labels) {
    names.push_back(sample.name);
    EXPECT_EQ(labels.height, sample.labels.height);
  };
  options.progress = [](int64_t done, int64_t total) {
    EXPECT_EQ(total, 4);
    return done < 2;
  };
  try {
    evaluate(predictor, Thirds(4), options);
    FAIL() << "it was not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("picture0", "picture1"));
}

TEST(Evaluate, PassesOnWhatLoadingThrows) {
  Thirds data(4);
  data.broken = 2;
  const SemanticPredictor predictor(threshold_model(127.5f));
  try {
    evaluate(predictor, data);
    FAIL() << "the broken picture was not noticed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("picture2"));
  }
}

TEST(Evaluate, RefusesOtherClasses) {
  Model model = threshold_model(127.5f);
  model.info.classes = {{"bright sky", {}}, {"dark", {}}};
  EXPECT_THROW(evaluate(SemanticPredictor(model), Thirds(1)), Error);
  EXPECT_THROW(check_same_classes({{"a", {}}}, {{"a", {}}, {"b", {}}}), Error);
  EXPECT_NO_THROW(check_same_classes({{"traffic-light", {}}}, {{"Traffic Light", {}}}));
}

}  // namespace
}  // namespace vitrail
