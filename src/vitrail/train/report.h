#pragma once
// report.html: one file that shows a training run to whoever opens it, without network or scripts.
//
//   std::string page = report_html({.title = "mobilenet-x0.5-fcn8 on camvid", .history = history, ...});
//
// It has the headline figures, the curves, each class's scores, the confusion matrix, the worst and best
// pictures beside their truth, the recipe and the environment. Readable on light and dark backgrounds and on
// paper.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/metrics/confusion.h"
#include "vitrail/train/history.h"

namespace vitrail::train {

struct ReportPicture {
  std::string name;
  std::string score;  ///< "mean IoU 61.2 %"
  Image prediction;   ///< as it is shown: the photo with what was predicted drawn over it
  Image truth;
};

struct ReportTable {
  std::string title, note;
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> rows;  ///< the first column names the row
};

struct ReportData {
  std::string title;
  std::vector<std::pair<std::string, std::string>> figures;  ///< headline: {"mean IoU", "61.2 %"}
  std::vector<ClassInfo> classes;
  History history;
  std::string split;  ///< what was evaluated: "val, 101 images"; empty = nothing was
  std::optional<SegmentationScores> scores;
  std::optional<ConfusionMatrix> matrix;
  std::vector<ReportTable> tables;   ///< further figures
  std::vector<ReportPicture> worst;  ///< worst first
  std::vector<ReportPicture> best;   ///< best first
  std::string recipe;                ///< TOML
  std::map<std::string, std::string> environment;
};

std::string report_html(const ReportData& data);

}  // namespace vitrail::train
