#include "vitrail/predict/ensemble.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "noise_image.h"
#include "vitrail/base/error.h"

namespace vitrail {
namespace {

/// Three classes' scores, each a sum of a pixel's channels with these weights, and `biases`.
Model scorer(const std::vector<float>& weights, const std::vector<float>& biases, double mean = 0) {
  Model model;
  const Value image = model.graph.input("image", {-1, 3, -1, -1});
  const Value w = model.graph.parameter({.name = "w", .shape = {3, 3, 1, 1}});
  const Value b = model.graph.parameter({.name = "b", .shape = {3}});
  model.graph.output("logits", model.graph.add(op::Conv{}, {image, w, b}, "conv"));
  model.weights["w"] = Tensor::from<float>({3, 3, 1, 1}, weights);
  model.weights["b"] = Tensor::from<float>({3}, biases);
  model.info.classes = {{"a", {}}, {"b", {}}, {"c", {}}};
  model.info.preprocessing = {.mean = {mean, mean, mean}, .std = {255, 255, 255}};
  return model;
}

const std::vector<float> first_weights = {3, 0, 0, 0, 2, 0, 0, 0, 4},
                         second_weights = {0, 5, 0, 1, 0, 1, -2, 0, 0}, first_biases = {0, 0.5f, -1},
                         second_biases = {-1, 0.2f, 1};

double score(const std::vector<float>& weights, const std::vector<float>& biases, double mean,
             const uint8_t* pixel, size_t c) {
  double sum = biases[c];
  for (size_t k = 0; k < 3; ++k)
    sum += weights[3 * c + k] * (pixel[k] - mean) / 255;
  return sum;
}

TEST(Ensemble, TheLargestOfTheSummedScoresWins) {
  const Image color = noise_image(13, 17, 3, 1), depth = noise_image(13, 17, 3, 2);
  const Ensemble both({scorer(first_weights, first_biases), scorer(second_weights, second_biases, 100)},
                      Ensemble::mean_of_scores());
  const LabelMap found = both.predict({&color, &depth});
  ASSERT_EQ(found.labels.size(), 13u * 17u);
  int64_t unlike_first = 0, unlike_second = 0;
  for (int64_t y = 0; y < 13; ++y)
    for (int64_t x = 0; x < 17; ++x) {
      std::array<std::array<double, 3>, 3> scores{};  // first, second, sum
      for (size_t c = 0; c < 3; ++c) {
        scores[0][c] = score(first_weights, first_biases, 0, color.at(y, x), c);
        scores[1][c] = score(second_weights, second_biases, 100, depth.at(y, x), c);
        scores[2][c] = scores[0][c] + scores[1][c];
      }
      const auto best = [&](size_t i) {
        return std::max_element(scores[i].begin(), scores[i].end()) - scores[i].begin();
      };
      ASSERT_EQ(found.at(y, x), best(2)) << x << "," << y;
      unlike_first += best(2) != best(0);
      unlike_second += best(2) != best(1);
    }
  EXPECT_GT(unlike_first, 10);
  EXPECT_GT(unlike_second, 10);
}

TEST(Ensemble, OfOneModelIsThatModel) {
  const Image image = noise_image(9, 14, 3, 5);
  const Ensemble twice({scorer(first_weights, first_biases), scorer(first_weights, first_biases)},
                       Ensemble::mean_of_scores());
  const ProtocolPredictor alone(scorer(first_weights, first_biases), test_protocol("whole"));
  EXPECT_EQ(twice.predict({&image, &image}).labels, alone.predict(image).labels);
}

TEST(Ensemble, RefusesWhatDoesNotFit) {
  const auto model = [] { return scorer(first_weights, first_biases); };
  Model other = model();
  other.info.classes[2].name = "d";
  EXPECT_THROW(Ensemble({model(), other}, Ensemble::mean_of_scores()), Error);
  EXPECT_THROW(Ensemble({}, Ensemble::mean_of_scores()), Error);
  const Ensemble two({model(), model()}, Ensemble::mean_of_scores());
  const Image small(4, 5), large(4, 6);
  EXPECT_THROW(two.predict({&small}), Error);
  EXPECT_THROW(two.predict({&small, &large}), Error);
}

}  // namespace
}  // namespace vitrail
