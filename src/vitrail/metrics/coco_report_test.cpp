#include "vitrail/metrics/coco_report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace vitrail {
namespace {

using ::testing::HasSubstr;

/// Two classes: one object found, one missed, and a class without objects.
CocoScores scores() {
  CocoEvaluator evaluator(2, {.overlap = OverlapOf::boxes});
  const TrueObject first{.box_xywh = {0, 0, 40, 40}, .area = 1600, .id = 1};
  const TrueObject second{.box_xywh = {60, 60, 40, 40}, .area = 1600, .id = 2};
  evaluator.add(1, {first, second}, {{.box_xywh = {0, 0, 40, 40}, .score = 0.9}});
  return evaluator.scores();
}

TEST(CocoReport, TellsFiguresAndWhatIsAbsent) {
  const nlohmann::json json = nlohmann::json::parse(coco_json(scores(), {"person", "dog"}));
  EXPECT_NEAR(json["ap"].get<double>(), *scores().average_precision({}), 1e-12);
  EXPECT_NEAR(json["ar100"].get<double>(), 0.5, 1e-12);
  EXPECT_NEAR(json["at_iou_50"]["ar100"].get<double>(), 0.5, 1e-12);
  EXPECT_TRUE(json["ap_large"].is_null());
  EXPECT_EQ(json["per_class"][0]["true_objects"], 2);
  EXPECT_EQ(json["per_class"][0]["found_objects"], 1);
  EXPECT_EQ(json["per_class"][1]["name"], "dog");
  EXPECT_TRUE(json["per_class"][1]["ap"].is_null());

  const std::string table = coco_table(scores(), {"person"});
  for (const char* const text : {"boxes", "50.00", "absent", "person", "class 1"})
    EXPECT_THAT(table, HasSubstr(text));
}

TEST(CocoReport, OneClassNeedsNoRows) {
  CocoEvaluator evaluator(1);
  const std::string table = coco_table(evaluator.scores(), {"person"});
  EXPECT_THAT(table, HasSubstr("masks"));
  EXPECT_THAT(table, Not(HasSubstr("person")));
}

}  // namespace
}  // namespace vitrail
