#include "vitrail/metrics/cityscapes_iou.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail {
namespace {

constexpr uint16_t road = 0, car = 13, truck = 14, ignored = 255;
constexpr double car_size = 12794.0202738185;

TEST(CityscapesIou, OneCarOfAThousandPixelsSixHundredOfThemRight) {
  std::vector<uint16_t> ids(1000, 26001), truth(1000, car), prediction(1000, truck);
  std::fill_n(prediction.begin(), 600, car);
  ConfusionMatrix matrix(19);
  matrix.add(truth, prediction);
  CityscapesInstances instances;
  instances.add(ids, prediction);
  EXPECT_NEAR(instances.of_class(car).right, 0.6 * car_size, 1e-9);
  EXPECT_NEAR(instances.of_class(car).wrong, 0.4 * car_size, 1e-9);
  const CityscapesScores scores = cityscapes_scores(matrix, instances);
  EXPECT_DOUBLE_EQ(*scores.class_instance_iou[car], 0.6);
  EXPECT_DOUBLE_EQ(*scores.categories[6].iou, 1) << "a truck is a vehicle too";
  EXPECT_DOUBLE_EQ(*scores.categories[6].instance_iou, 1);
  EXPECT_EQ(scores.class_instance_iou[truck], 0) << "400 false positives and nothing else";
  EXPECT_DOUBLE_EQ(*scores.mean_instance_iou, 0.3);
  EXPECT_FALSE(scores.class_instance_iou[road]);
  EXPECT_FALSE(scores.categories[0].iou) << "neither true nor predicted";
}

TEST(CityscapesIou, ASmallCarCountsAsMuchAsALargeOne) {
  std::vector<uint16_t> ids(1100, 26001), prediction(1100, car);
  std::fill_n(ids.begin(), 100, uint16_t{26002});
  std::fill_n(prediction.begin(), 100, road);  // the small one is missed
  CityscapesInstances instances;
  instances.add(ids, prediction);
  EXPECT_NEAR(instances.of_class(car).right, instances.of_class(car).wrong, 1e-9);
}

TEST(CityscapesIou, GroupsAndWhatIsNotEvaluatedAreNoInstances) {
  const std::vector<uint16_t> ids = {26, 1000, 29001, 30002, 7, 0, 65535}, prediction(ids.size(), car);
  CityscapesInstances instances;
  instances.add(ids, prediction);
  for (int64_t c = 0; c < cityscapes_class_count; ++c)
    EXPECT_EQ(instances.of_class(c).right + instances.of_class(c).wrong, 0) << c;
}

// The rules written down again over label ids, a matrix of 34 x 34 and the categories by name.
struct ByLabelId {
  std::map<int, std::string> category = {
      {7, "flat"},     {8, "flat"},     {11, "construction"}, {12, "construction"}, {13, "construction"},
      {17, "object"},  {19, "object"},  {20, "object"},       {21, "nature"},       {22, "nature"},
      {23, "sky"},     {24, "human"},   {25, "human"},        {26, "vehicle"},      {27, "vehicle"},
      {28, "vehicle"}, {31, "vehicle"}, {32, "vehicle"},      {33, "vehicle"}};
  std::map<int, double> size = {{24, 3462.4756337644},  {25, 3930.4788056518},  {26, 12794.0202738185},
                                {27, 27855.1264367816}, {28, 35732.1511111111}, {31, 67583.7075812274},
                                {32, 6298.7200839748},  {33, 4672.3249222261}};
  std::vector<std::vector<double>> n = std::vector(34, std::vector<double>(34, 0.0));
  std::map<std::string, double> right, wrong;  // by label id as text, and by category

  void add(const std::vector<int>& truth, const std::vector<int>& ids, const std::vector<int>& predicted) {
    std::map<int, double> area;
    for (const int id : ids)
      area[id] += 1;
    for (size_t i = 0; i < truth.size(); ++i) {
      n[truth[i]][predicted[i]] += 1;
      const int label = ids[i] / 1000;
      if (ids[i] <= 1000 || !size.contains(label)) continue;
      const double w = size[label] / area[ids[i]];
      (predicted[i] == label ? right : wrong)[std::to_string(label)] += w;
      const auto found = category.find(predicted[i]);
      (found != category.end() && found->second == category[label] ? right : wrong)[category[label]] += w;
    }
  }
  double false_positives(const std::vector<int>& labels) const {
    double sum = 0;
    for (const auto& [g, name] : category)
      for (const int p : labels)
        if (std::find(labels.begin(), labels.end(), g) == labels.end()) sum += n[g][p];
    return sum;
  }
};

TEST(CityscapesIou, EqualsTheRulesWrittenOverLabelIds) {
  ByLabelId oracle;
  std::vector<int> label_of;
  for (const auto& [label, name] : oracle.category)
    label_of.push_back(label);
  Random random(3);
  ConfusionMatrix matrix(19);
  CityscapesInstances instances;
  for (int image = 0; image < 5; ++image) {
    std::vector<int> truth, ids, predicted;
    std::vector<uint16_t> truth_classes, ids16, classes;
    for (int block = 0; block < 60; ++block) {
      const auto label = static_cast<int>(random.integer(0, 33));
      const bool group = random.chance(0.2);
      for (int64_t i = random.integer(1, 40); i > 0; --i) {
        const auto guess = static_cast<size_t>(random.integer(0, 18));
        const bool thing = label >= 24 && !group;
        truth.push_back(label);
        ids.push_back(thing ? 1000 * label + block % 7 : label);
        predicted.push_back(random.chance(0.5) && oracle.category.contains(label) ? label : label_of[guess]);
        const auto found = std::find(label_of.begin(), label_of.end(), label);
        truth_classes.push_back(found == label_of.end() ? ignored
                                                        : static_cast<uint16_t>(found - label_of.begin()));
        ids16.push_back(static_cast<uint16_t>(ids.back()));
        classes.push_back(static_cast<uint16_t>(
            std::find(label_of.begin(), label_of.end(), predicted.back()) - label_of.begin()));
      }
    }
    oracle.add(truth, ids, predicted);
    matrix.add(truth_classes, classes);
    instances.add(ids16, classes);
  }
  const CityscapesScores scores = cityscapes_scores(matrix, instances);
  double mean = 0;
  for (size_t c = 0; c < label_of.size(); ++c) {
    const int label = label_of[c];
    if (!oracle.size.contains(label)) {
      EXPECT_FALSE(scores.class_instance_iou[c]);
      continue;
    }
    const std::string key = std::to_string(label);
    const double iou =
        oracle.right[key] / (oracle.right[key] + oracle.wrong[key] + oracle.false_positives({label}));
    EXPECT_NEAR(*scores.class_instance_iou[c], iou, 1e-12) << label;
    mean += iou / 8;
  }
  EXPECT_NEAR(*scores.mean_instance_iou, mean, 1e-12);
  for (const CityscapesScores::Category& category : scores.categories) {
    std::vector<int> labels;
    for (const auto& [label, name] : oracle.category)
      if (name == category.name) labels.push_back(label);
    double right = 0, all = 0;
    for (const int g : labels)
      for (int p = 0; p < 34; ++p) {
        all += oracle.n[g][p];
        if (std::find(labels.begin(), labels.end(), p) != labels.end()) right += oracle.n[g][p];
      }
    const double wrong = oracle.false_positives(labels);
    EXPECT_NEAR(*category.iou, right / (all + wrong), 1e-12) << category.name;
    const std::string key(category.name);
    EXPECT_EQ(category.instance_iou.has_value(), key == "human" || key == "vehicle") << key;
    if (category.instance_iou) {
      EXPECT_NEAR(*category.instance_iou, oracle.right[key] / (oracle.right[key] + oracle.wrong[key] + wrong),
                  1e-12);
    }
  }
}

TEST(CityscapesIou, WhatDoesNotFitIsRefused) {
  CityscapesInstances instances;
  EXPECT_THROW(instances.add(std::vector<uint16_t>(3), std::vector<uint16_t>(4)), Error);
  EXPECT_THROW(cityscapes_scores(ConfusionMatrix(20), instances), Error);
  const CityscapesScores without = cityscapes_scores(ConfusionMatrix(19), instances);
  EXPECT_FALSE(without.mean_instance_iou);
  EXPECT_FALSE(without.mean_category_iou);
}

}  // namespace
}  // namespace vitrail
