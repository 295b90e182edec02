#include "vitrail/predict/evaluate_results.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco_results.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;
namespace fs = std::filesystem;

class EvaluateResults : public testing::Test {
 protected:
  /// Two pictures of 40x40, each with an object of category 3 and one of category 5.
  EvaluateResults() {
    Json json{{"images", Json::array()}, {"annotations", Json::array()}};
    json["categories"] = {{{"id", 3}, {"name", "cat"}}, {{"id", 5}, {"name", "dog"}}};
    for (int i = 0; i < 2; ++i) {
      json["images"].push_back(
          {{"id", 10 + i}, {"file_name", cat(i, ".png")}, {"height", 40}, {"width", 40}});
      for (int c = 0; c < 2; ++c) {
        const double x = 3 + 15 * c, y = 5 + i, w = 10, h = 12 + c;
        json["annotations"].push_back({{"id", 2 * i + c},
                                       {"image_id", 10 + i},
                                       {"category_id", 3 + 2 * c},
                                       {"bbox", {x, y, w, h}},
                                       {"area", w * h},
                                       {"segmentation", {{x, y, x + w, y, x + w, y + h, x, y + h}}}});
        results_.push_back({.image_id = 10 + i,
                            .category_id = 3 + 2 * c,
                            .bbox = {x, y, w, h},
                            .mask = rle_from_polygons({{x, y, x + w, y, x + w, y + h, x, y + h}}, 40, 40),
                            .score = 0.5});
      }
    }
    std::ofstream(folder_ / "instances.json") << json.dump();
  }

  ResultsEvaluation evaluate(const ResultsOptions& options = {}) const {
    write_coco_results(file(), results_);
    return evaluate_results(
        file(), *open_instance_dataset("coco:" + (folder_ / "instances.json").string(), ""), options);
  }
  std::string refusal() const {
    try {
      evaluate();
    } catch (const Error& e) {
      return e.what();
    }
    return "not refused";
  }
  fs::path file() const { return folder_ / "results.json"; }

  TemporaryFolder folder_;
  std::vector<CocoResult> results_;
};

TEST_F(EvaluateResults, TheTruthItselfIsPerfect) {
  const ResultsEvaluation e = evaluate({.boundaries = true});
  for (const CocoScores& s : {e.boxes, *e.masks, *e.boundaries}) {
    EXPECT_DOUBLE_EQ(*s.average_precision({}), 1);
    EXPECT_DOUBLE_EQ(*s.average_recall({.most_found = 1, .class_index = 1}), 1);
  }
  EXPECT_EQ(e.images, 2);
  EXPECT_EQ(e.results, 4);
  EXPECT_LT(*evaluate({.id_zero_is_unmatched = true}).boxes.average_precision({}), 1);
}

TEST_F(EvaluateResults, ResultsWithoutMasksCountForBoxesAlone) {
  results_[0].mask.reset();
  EXPECT_DOUBLE_EQ(*evaluate().boxes.average_precision({}), 1);
  EXPECT_LT(*evaluate().masks->average_recall({.class_index = 0}), 1);
  for (CocoResult& result : results_)
    result.mask.reset();
  EXPECT_FALSE(evaluate().masks.has_value());
}

TEST_F(EvaluateResults, OtherCategoriesAreCountedAndLeftOut) {
  results_.push_back(results_[0]);
  results_.back().category_id = 4;
  EXPECT_EQ(evaluate().of_other_categories, 1);
  EXPECT_DOUBLE_EQ(*evaluate().boxes.average_precision({}), 1);
}

TEST_F(EvaluateResults, FaultsAreNamedByFileKeyAndReason) {
  results_[2].image_id = 99;
  EXPECT_THAT(refusal(), HasSubstr("results.json: [2].image_id: 99 is no picture"));
  results_[2].image_id = 11;
  results_[3].mask = rle_from_polygons({}, 40, 41);
  EXPECT_THAT(refusal(), HasSubstr("results.json: [3].segmentation.size: [40, 41]"));
}

TEST_F(EvaluateResults, FilesComeBackAndMalformedOnesAreRefused) {
  results_[0].mask.reset();
  write_coco_results(file(), results_);
  const std::vector<CocoResult> read = read_coco_results(file());
  ASSERT_EQ(read.size(), results_.size());
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].bbox, results_[i].bbox);
    EXPECT_EQ(read[i].mask, results_[i].mask);
    EXPECT_EQ(read[i].score, results_[i].score);
  }
  const std::pair<const char*, const char*> faults[] = {
      {"{}", "list"},
      {"[1]", "list of objects"},
      {R"([{"category_id": 3, "score": 1, "bbox": [1, 2, 3, 4]}])", "[0].image_id: the key is missing"},
      {R"([{"image_id": 3, "category_id": "3", "score": 1, "bbox": [1, 2, 3, 4]}])",
       "[0].category_id: \"3\""},
      {R"([{"image_id": 3, "category_id": 3, "score": null, "bbox": [1, 2, 3, 4]}])", "[0].score"},
      {R"([{"image_id": 3, "category_id": 3, "score": 1}])", "[0].bbox: the key is missing"},
      {R"([{"image_id": 3, "category_id": 3, "score": 1, "bbox": [1, 2, 3]}])", "[0].bbox: 3 numbers"},
      {R"([{"image_id": 3, "category_id": 3, "score": 1, "segmentation": {"size": [2, 2], "counts": "z"}}])",
       "[0].segmentation.counts"},
      {R"([{"image_id": 3, "category_id": 3, "score": 1, "segmentation": [[1, 2, 3, 4, 5, 6]]}])",
       "[0].segmentation"},
      {R"([{"image_id": 3, )", "byte"}};
  for (const auto& [bytes, reason] : faults) {
    std::ofstream(file()) << bytes;
    try {
      read_coco_results(file());
      ADD_FAILURE() << bytes;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith(file().string()));
      EXPECT_THAT(e.what(), HasSubstr(reason)) << bytes;
    }
  }
}

/// Real outlines, found a little beside where they are: every figure as the reference computes it, which
/// reads the polygons and texts of the files by itself.
TEST(EvaluateResultsData, EveryFigureOfRealOutlinesIsThatOfTheReference) {
  const fs::path data = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/coco/instances_val.json";
  if (!fs::exists(data)) GTEST_SKIP() << data << " is not here";
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no python3";
  const TemporaryFolder folder;
  Json json = Json::parse(std::ifstream(data));
  json["images"].erase(json["images"].begin() + 15, json["images"].end());
  std::map<int64_t, Json> image_of;
  for (const Json& image : json["images"])
    image_of[image["id"]] = image;
  auto& annotations = json["annotations"].get_ref<Json::array_t&>();
  std::erase_if(annotations, [&](const Json& a) { return image_of.count(a["image_id"]) == 0; });
  std::ofstream(folder / "instances.json") << json.dump();

  Random random(3);
  std::vector<CocoResult> results;
  for (const Json& a : annotations) {
    if (!a["segmentation"].is_array() || random.chance(0.1)) continue;
    auto polygons = a["segmentation"].get<std::vector<std::vector<double>>>();
    const double shift = random.uniform(-3.0, 3.0);
    for (auto& polygon : polygons)
      for (double& at : polygon)
        at += shift;
    const Json& image = image_of[a["image_id"]];
    CocoResult result{.image_id = a["image_id"], .category_id = a["category_id"]};
    result.mask = rle_from_polygons(polygons, image["height"], image["width"]);
    result.bbox = bounds(*result.mask);
    result.score = static_cast<double>(random.integer(0, 20)) / 20;
    results.push_back(result);
  }
  write_coco_results(folder / "results.json", results);
  const auto set = open_instance_dataset("coco:" + (folder / "instances.json").string(), "");
  const ResultsEvaluation e = evaluate_results(folder / "results.json", *set);

  Json input{{"images", json["images"]},
             {"annotations", annotations},
             {"results", Json::parse(coco_results_json(results))},
             {"categories", Json::array()},
             {"zero_is_unmatched", false},
             {"kinds", {"boxes", "masks"}}};
  for (size_t c = 0; c < set->classes().size(); ++c)
    input["categories"].push_back(set->category_of(static_cast<int64_t>(c)));
  const std::string sets = folder / "sets.json", figures = folder / "figures.json";
  std::ofstream(sets) << Json::array({input}).dump();
  ASSERT_EQ(
      std::system(
          cat("python3 ", VITRAIL_SOURCE_DIR, "/tests/coco/coco_reference.py ", sets, " ", figures).c_str()),
      0);
  const Json expected = Json::parse(std::ifstream(figures))[0];
  for (const auto& [kind, scores] : {std::pair("boxes", &e.boxes), std::pair("masks", &*e.masks)}) {
    for (size_t a = 0; a < coco_areas.size(); ++a)
      for (int64_t c = -1; c < scores->classes(); ++c) {
        CocoFigure figure{.area = coco_areas[a]};
        if (c >= 0) figure.class_index = c;
        const Json& value = expected[kind][0][0][a][2][static_cast<size_t>(c + 1)];
        const std::optional<double> ours = scores->average_precision(figure);
        ASSERT_EQ(ours.has_value(), !value.is_null()) << kind << " " << a << " " << c;
        if (ours) {
          EXPECT_NEAR(*ours, value.get<double>(), 1e-9) << kind << " " << a << " " << c;
        }
      }
    EXPECT_GT(*scores->average_precision({}), 0.2);
    EXPECT_LT(*scores->average_precision({}), 0.9);
  }
}

// The example of pycocotools: its results/ folder and instances_val2014.json (or its first 100 pictures), for
// whoever has them, and the figures that its authors published.
TEST(EvaluateResultsData, CocosPublishedExampleHasItsPublishedFigures) {
  const char* folder = std::getenv("VITRAIL_COCO_EXAMPLE");
  if (folder == nullptr)
    GTEST_SKIP()
        << "VITRAIL_COCO_EXAMPLE names no folder with instances_val2014_100.json, "
           "instances_val2014_fakebbox100_results.json and instances_val2014_fakesegm100_results.json";
  const auto data =
      open_instance_dataset("coco:" + (fs::path(folder) / "instances_val2014_100.json").string(), "");
  const auto figures = [&](const char* file) { return evaluate_results(fs::path(folder) / file, *data); };
  const ResultsEvaluation box = figures("instances_val2014_fakebbox100_results.json");
  const ResultsEvaluation mask = figures("instances_val2014_fakesegm100_results.json");
  const double of_boxes[12] = {0.5045806987249628,  0.6969727247299577, 0.5729816669904824,
                               0.5856257209410443,  0.5193996948036719, 0.5013978986347466,
                               0.38681277964578054, 0.5936795762842003, 0.595352982877607,
                               0.6398109626113442,  0.5664205978994309, 0.5642905982905982};
  const double of_masks[12] = {0.3195452758576433, 0.5622883972521636,  0.29892653412086784,
                               0.3873740315997838, 0.31018272403369485, 0.3269339071005138,
                               0.2682297225711534, 0.41544868114906375, 0.4168394992198818,
                               0.4694498622754236, 0.37675922666197265, 0.3814715099715099};
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(*box.boxes.summary()[i], of_boxes[i], 1e-9) << i;
    EXPECT_NEAR(*mask.masks->summary()[i], of_masks[i], 1e-9) << i;
  }
}

}  // namespace
}  // namespace vitrail
