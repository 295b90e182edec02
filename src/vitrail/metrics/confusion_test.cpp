#include "vitrail/metrics/confusion.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/metrics/report.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
using Labels = std::vector<uint16_t>;

// The maps that give these counts[truth][prediction].
void add_counts(ConfusionMatrix& matrix, const std::vector<std::vector<int>>& counts) {
  Labels truth, prediction;
  for (size_t t = 0; t < counts.size(); ++t)
    for (size_t p = 0; p < counts[t].size(); ++p)
      for (int i = 0; i < counts[t][p]; ++i) {
        truth.push_back(static_cast<uint16_t>(t));
        prediction.push_back(static_cast<uint16_t>(p));
      }
  matrix.add(truth, prediction);
}

// Three classes are there, class 3 is only predicted, class 4 is in neither.
ConfusionMatrix trap() {
  ConfusionMatrix matrix(5);
  add_counts(matrix, {{80, 0, 0, 20, 0}, {0, 82, 18, 0, 0}, {3, 0, 97, 0, 0}});
  return matrix;
}

Labels random_labels(Random& random, int64_t count, int64_t classes, double ignored) {
  Labels labels;
  for (int64_t i = 0; i < count; ++i)
    labels.push_back(random.chance(ignored) ? 255 : static_cast<uint16_t>(random.integer(0, classes - 1)));
  return labels;
}

// Intersection over union straight from its definition, one class at a time, on the maps and not on a matrix.
struct Oracle {
  double hits = 0, either = 0, truth = 0, predicted = 0;
};
Oracle oracle(const Labels& truth, const Labels& prediction, uint16_t c) {
  Oracle o;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == 255) continue;
    o.hits += truth[i] == c && prediction[i] == c;
    o.either += truth[i] == c || prediction[i] == c;
    o.truth += truth[i] == c;
    o.predicted += prediction[i] == c;
  }
  return o;
}

TEST(ConfusionMatrix, OneMatrixGivesTheFivePublishedFigures) {
  const ConfusionMatrix matrix = trap();
  const auto rounded = [&](AbsentClasses convention) {
    return std::round(1000 * scores(matrix, convention).mean_iou.value()) / 1000;
  };
  EXPECT_DOUBLE_EQ(rounded(AbsentClasses::zero), 0.484);
  EXPECT_DOUBLE_EQ(rounded(AbsentClasses::skipped), 0.605);
  EXPECT_DOUBLE_EQ(rounded(AbsentClasses::one), 0.684);
  EXPECT_DOUBLE_EQ(rounded(AbsentClasses::truth_only), 0.806);
  EXPECT_FALSE(scores(matrix, AbsentClasses::undefined).mean_iou.has_value());
  EXPECT_EQ(scores(matrix).convention, AbsentClasses::skipped) << "the default";
}

TEST(ConfusionMatrix, UndefinedIsDefinedWhenEveryClassIsSomewhere) {
  ConfusionMatrix matrix(2);
  add_counts(matrix, {{3, 1}, {0, 4}});
  EXPECT_DOUBLE_EQ(scores(matrix, AbsentClasses::undefined).mean_iou.value(), (0.75 + 0.8) / 2);
}

TEST(ConfusionMatrix, AgreesWithTheDefinitionsOnRandomMaps) {
  Random random(11);
  for (int trial = 0; trial < 50; ++trial) {
    const int64_t classes = random.integer(1, 12), pixels = random.integer(1, 600);
    const Labels truth = random_labels(random, pixels, classes, 0.1);
    const Labels prediction = random_labels(random, pixels, std::max<int64_t>(1, classes - 1), 0.05);
    ConfusionMatrix matrix(classes);
    matrix.add(truth, prediction);
    const SegmentationScores s = scores(matrix);
    double hits = 0, counted = 0, accuracies = 0, present = 0, weighted = 0, sum = 0, defined = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const Oracle o = oracle(truth, prediction, static_cast<uint16_t>(c));
      const ClassScores& mine = s.per_class[static_cast<size_t>(c)];
      ASSERT_EQ(mine.iou.has_value(), o.either > 0);
      ASSERT_EQ(mine.accuracy.has_value(), o.truth > 0);
      ASSERT_EQ(mine.precision.has_value(), o.predicted > 0);
      ASSERT_EQ(static_cast<double>(mine.truth_pixels), o.truth);
      ASSERT_EQ(static_cast<double>(mine.predicted_pixels), o.predicted);
      hits += o.hits;
      counted += o.truth;
      if (mine.precision) {
        ASSERT_DOUBLE_EQ(*mine.precision, o.hits / o.predicted);
      }
      if (mine.iou) {
        ASSERT_DOUBLE_EQ(*mine.iou, o.hits / o.either);
        ASSERT_DOUBLE_EQ(mine.f1.value(), 2 * *mine.iou / (1 + *mine.iou));
        sum += *mine.iou;
        ++defined;
      }
      if (mine.accuracy) {
        ASSERT_DOUBLE_EQ(*mine.accuracy, o.hits / o.truth);
        ASSERT_EQ(mine.recall, mine.accuracy);
        accuracies += *mine.accuracy;
        weighted += o.truth * *mine.iou;
        ++present;
      }
    }
    if (counted == 0) continue;
    ASSERT_EQ(static_cast<double>(matrix.pixels()), counted);
    ASSERT_DOUBLE_EQ(s.pixel_accuracy, hits / counted);
    ASSERT_NEAR(s.mean_accuracy, accuracies / present, 1e-12);
    ASSERT_NEAR(s.frequency_weighted_iou, weighted / counted, 1e-12);
    ASSERT_NEAR(s.mean_iou.value(), sum / defined, 1e-12);
  }
}

TEST(ConfusionMatrix, StreamsAndMergesToTheWholeSetNotToAMeanOfImages) {
  const Labels truth_a{0, 0, 0, 0, 1}, prediction_a{0, 0, 0, 0, 0};
  const Labels truth_b{0, 1, 1, 1, 1}, prediction_b{1, 1, 1, 1, 1};
  ConfusionMatrix streamed(2), a(2), b(2);
  streamed.add(truth_a, prediction_a);
  streamed.add(truth_b, prediction_b);
  a.add(truth_a, prediction_a);
  b.add(truth_b, prediction_b);
  const double per_image = (*scores(a).mean_iou + *scores(b).mean_iou) / 2;
  a.merge(b);
  for (int64_t t = 0; t < 2; ++t)
    for (int64_t p = 0; p < 2; ++p)
      EXPECT_EQ(a.at(t, p), streamed.at(t, p));
  EXPECT_DOUBLE_EQ(*scores(streamed).mean_iou, 4.0 / 6);  // 4 hits of 6 pixels, for either class
  EXPECT_DOUBLE_EQ(per_image, 0.4);
}

TEST(ConfusionMatrix, IgnoredTruthCountsNowhereAndIgnoredPredictionCountsAsWrong) {
  ConfusionMatrix matrix(2);
  matrix.add(Labels{255, 255, 0, 0, 1}, Labels{0, 1, 0, 255, 1});
  EXPECT_EQ(matrix.pixels(), 3);
  EXPECT_EQ(matrix.unpredicted(0), 1);
  const SegmentationScores s = scores(matrix);
  EXPECT_DOUBLE_EQ(*s.per_class[0].iou, 0.5);
  EXPECT_DOUBLE_EQ(*s.per_class[0].precision, 1);
  EXPECT_DOUBLE_EQ(*s.per_class[1].iou, 1);
  EXPECT_DOUBLE_EQ(s.pixel_accuracy, 2.0 / 3);

  ConfusionMatrix from_zero(3);  // ADE20K's way: label 0 is ignored
  from_zero.add(Labels{0, 1, 2}, Labels{1, 1, 2}, 0);
  EXPECT_EQ(from_zero.pixels(), 2);
  EXPECT_DOUBLE_EQ(*scores(from_zero).mean_iou, 1);
}

TEST(ConfusionMatrix, RefusesForeignLabelsAndCountsNothingOfThatImage) {
  ConfusionMatrix matrix(19);
  try {
    matrix.add(Labels{0, 1, 19}, Labels{0, 1, 2});
    FAIL() << "label 19 of 19 classes was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_THAT(error.what(), HasSubstr("truth, pixel 2: label 19; 19 classes are declared (0..18)"));
  }
  EXPECT_THROW(matrix.add(Labels{0, 0}, Labels{0, 300}), Error);
  EXPECT_THROW(matrix.add(Labels{0, 0}, Labels{0}), Error);
  EXPECT_EQ(matrix.pixels(), 0);
  EXPECT_THROW(matrix.merge(ConfusionMatrix(18)), Error);
  EXPECT_THROW(ConfusionMatrix(0), Error);
  EXPECT_THROW(ConfusionMatrix(int64_t{1} << 40), Error);
}

TEST(AbsentClasses, NamesRoundTripAndAnUnknownOneListsThem) {
  for (const auto convention : {AbsentClasses::skipped, AbsentClasses::zero, AbsentClasses::one,
                                AbsentClasses::truth_only, AbsentClasses::undefined})
    EXPECT_EQ(absent_classes_from(name_of(convention)), convention);
  try {
    absent_classes_from("skiped");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("'skipped'"));
    EXPECT_THAT(error.what(), HasSubstr("truth_only"));
  }
}

TEST(Report, JsonHasNullWhereAClassIsAbsentAndNamesItsConvention) {
  const auto json = nlohmann::json::parse(scores_json(scores(trap()), {"sky", "road", "car", "bus", "tram"}));
  EXPECT_EQ(json["convention"], "skipped");
  EXPECT_NEAR(json["mean_iou"].get<double>(), 0.6047, 1e-4);
  EXPECT_NEAR(json["pixel_accuracy"].get<double>(), 259.0 / 300, 1e-12);
  ASSERT_EQ(json["per_class"].size(), 5u);
  EXPECT_EQ(json["per_class"][0]["name"], "sky");
  EXPECT_EQ(json["per_class"][0]["truth_pixels"], 100);
  EXPECT_EQ(json["per_class"][0]["predicted_pixels"], 83);
  EXPECT_EQ(json["per_class"][3]["iou"], 0.0) << "predicted, but not there: wrong, not absent";
  EXPECT_TRUE(json["per_class"][3]["recall"].is_null());
  EXPECT_TRUE(json["per_class"][4]["iou"].is_null());
  const auto undefined = nlohmann::json::parse(scores_json(scores(trap(), AbsentClasses::undefined), {}));
  EXPECT_TRUE(undefined["mean_iou"].is_null());
  EXPECT_EQ(undefined["per_class"][2]["name"], "class 2");
}

TEST(Report, TableSaysAbsentAndNeverNan) {
  for (const auto convention : {AbsentClasses::skipped, AbsentClasses::undefined}) {
    for (const SegmentationScores& s : {scores(trap(), convention), scores(ConfusionMatrix(2), convention)}) {
      const std::string text = scores_table(s, {"ciel é", "road"});
      EXPECT_THAT(text, HasSubstr("absent"));
      EXPECT_THAT(text, HasSubstr(std::string(name_of(convention))));
      EXPECT_THAT(text, testing::Not(HasSubstr("nan")));
    }
  }
  EXPECT_THAT(scores_table(scores(trap()), {}), HasSubstr("60.47"));
}

}  // namespace
}  // namespace vitrail
