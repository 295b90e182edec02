#include "vitrail/train/report.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vitrail/base/file.h"
#include "vitrail/train/report_charts.h"

namespace vitrail::train {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
    ++n;
  return n;
}

// As a number or a word of its own: "dominant-baseline" has the letters too.
bool has_nan(const std::string& page) {
  return count(page, "\"nan") + count(page, ">nan") + count(page, " nan") + count(page, ",nan") > 0;
}

ReportPicture picture(const std::string& name) {
  return {name, "mean IoU 50 %", Image(36, 48, 3, 128), Image(36, 48, 3, 200)};
}

ReportData example() {
  ReportData data;
  data.title = "net <b> & co";
  data.figures = {{"mean IoU", "61.2 %"}};
  data.classes = {{"sky", {70, 130, 180}}, {"road & lane", {128, 64, 128}}, {"bus", {1, 2, 3}}};
  for (int64_t step = 10; step <= 2000; step += 10)
    data.history.train.push_back({.step = step,
                                  .loss = 2 * std::exp(-double(step) / 500) + 0.1,
                                  .parts = {},
                                  .rate = 1e-3 * (1 - double(step) / 2000),
                                  .gradient_norm = 1});
  data.history.evaluations = {
      {.step = 1000, .figures = {{"mean_iou", 0.5}, {"pixel_accuracy", 0.8}}, .class_scores = {}},
      {.step = 2000, .figures = {{"mean_iou", std::nullopt}, {"pixel_accuracy", 0.9}}, .class_scores = {}}};
  ConfusionMatrix matrix(3);
  matrix.add(std::vector<uint16_t>{0, 0, 0, 1, 1}, std::vector<uint16_t>{0, 0, 1, 1, 1});
  data.matrix = matrix;
  data.scores = scores(matrix);
  data.split = "val, 2 images";
  data.worst = {picture("worst_one")};
  data.best = {picture("best_one"), picture("best_two")};
  data.tables = {{"Boxes <i>", "in percent", {"", "AP50"}, {{"small", "12.5"}}}};
  data.recipe = "[net]\nname = \"<x>\"\n";
  data.environment = {{"libtorch", "1.2.3"}};
  return data;
}

TEST(Report, HoldsEverythingInOneFileWithoutScriptsOrNetwork) {
  const std::string page = report_html(example());
  EXPECT_EQ(count(page, "<svg"), 4u);
  EXPECT_EQ(count(page, "data:image/jpeg;base64,/9j/"), 6u);  // prediction and truth of three pictures
  EXPECT_EQ(count(page, "<script"), 0u);
  EXPECT_EQ(count(page, "http://"), 0u);
  EXPECT_EQ(count(page, "https://"), 0u);
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_FALSE(has_nan(page));
}

TEST(Report, EscapesWhatUsersNamed) {
  const std::string page = report_html(example());
  EXPECT_THAT(page, HasSubstr("net &lt;b&gt; &amp; co"));
  EXPECT_THAT(page, HasSubstr("road &amp; lane"));
  EXPECT_THAT(page, HasSubstr("&lt;x&gt;"));
  EXPECT_THAT(page, HasSubstr("Boxes &lt;i&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<b> & co")));
}

TEST(Report, ShowsFiguresWithTheirConvention) {
  const std::string page = report_html(example());
  EXPECT_THAT(page, HasSubstr("skipped"));
  EXPECT_THAT(page, HasSubstr("66.7"));  // sky: 2 of 3 in the union; road: 2 of 3 too
  EXPECT_THAT(page, HasSubstr("absent"));
  EXPECT_THAT(page, HasSubstr("<td>small</td><td>12.5</td>"));
  EXPECT_THAT(page, HasSubstr("mean IoU 50 %"));
}

TEST(Report, ARunWithoutEvaluationHasAReportToo) {
  ReportData data;
  data.title = "nothing yet";
  const std::string page = report_html(data);
  EXPECT_THAT(page, HasSubstr("nothing yet"));
  EXPECT_EQ(count(page, "<svg"), 0u);
}

TEST(Report, ChartsThinLongSeriesAndLabelTheirAxes) {
  Series series{"loss", {}, {}, "red"};
  for (int i = 1; i <= 10000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i % 2);
  }
  const std::string svg = svg_chart({.title = "Loss", .x_label = "step", .series = {series}});
  EXPECT_EQ(count(svg, "<circle"), 600u);
  EXPECT_THAT(svg, HasSubstr(">10000</text>"));
  EXPECT_EQ(svg_chart({.title = "empty"}), "");
  EXPECT_FALSE(has_nan(svg_chart({.title = "flat", .series = {{"a", {1, 2}, {3, 3}, "red"}}})));
}

}  // namespace
}  // namespace vitrail::train
