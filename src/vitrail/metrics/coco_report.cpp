#include "vitrail/metrics/coco_report.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include <nlohmann/json.hpp>

#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;
using Figure = std::optional<double>;

constexpr std::array<const char*, 12> summary_names = {"ap",        "ap50",     "ap75",      "ap_small",
                                                       "ap_medium", "ap_large", "ar1",       "ar10",
                                                       "ar100",     "ar_small", "ar_medium", "ar_large"};
constexpr std::array<const char*, 10> threshold_names = {
    "ap", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"};

std::string name_at(const std::vector<std::string>& names, int64_t index) {
  return index < static_cast<int64_t>(names.size()) ? names[static_cast<size_t>(index)]
                                                    : cat("class ", index);
}

Json json_of(const Figure& figure) {
  return figure ? Json(*figure) : Json();
}

template <size_t n>
Json json_of(const std::array<Figure, n>& figures, const std::array<const char*, n>& names) {
  Json json;
  for (size_t i = 0; i < n; ++i)
    json[names[i]] = json_of(figures[i]);
  return json;
}

struct ClassFigures {
  Figure ap, ap50, ap75, ar;
};

ClassFigures figures_of(const CocoScores& scores, int64_t index) {
  return {scores.average_precision({.class_index = index}),
          scores.average_precision({.threshold = 0, .class_index = index}),
          scores.average_precision({.threshold = 5, .class_index = index}),
          scores.average_recall({.class_index = index})};
}

/// A name and its figures, in columns.
std::string row(const std::string& name, size_t width, const std::vector<std::string>& cells) {
  constexpr int cell_width = 9;
  std::ostringstream out;
  out << std::left << std::setw(static_cast<int>(width)) << name << std::right;
  for (const std::string& cell : cells)
    out << ' ' << std::setw(cell_width - 1) << cell;
  out << '\n';
  return out.str();
}

std::string shown(const Figure& figure) {
  return percent(figure, 2, "");
}

}  // namespace

std::string coco_table(const CocoScores& scores, const std::vector<std::string>& class_names) {
  constexpr size_t least_width = 24;
  const std::array<Figure, 12> s = scores.summary();
  const std::array<Figure, 10> at50 = scores.at_threshold(0);
  size_t width = least_width;
  for (const std::string& name : class_names)
    width = std::max(width, name.size() + 2);
  std::string text = row(cat(name_of(scores.overlap()), ", %"), width,
                         {"all", "IoU .50", "IoU .75", "small", "medium", "large"});
  text += row("average precision", width,
              {shown(s[0]), shown(s[1]), shown(s[2]), shown(s[3]), shown(s[4]), shown(s[5])});
  text +=
      row("  at IoU .50", width, {shown(at50[0]), "", "", shown(at50[1]), shown(at50[2]), shown(at50[3])});
  text += row("average recall", width, {shown(s[8]), "", "", shown(s[9]), shown(s[10]), shown(s[11])});
  text += row("  with 1 find, with 10", width, {shown(s[6]), shown(s[7])});
  if (scores.classes() < 2) return text;
  text += cat("\n", row("class", width, {"AP", "AP50", "AP75", "recall", "objects", "finds"}));
  for (int64_t i = 0; i < scores.classes(); ++i) {
    const ClassFigures f = figures_of(scores, i);
    text += row(name_at(class_names, i), width,
                {shown(f.ap), shown(f.ap50), shown(f.ap75), shown(f.ar), cat(scores.true_objects(i)),
                 cat(scores.found_objects(i))});
  }
  return text;
}

std::string coco_json(const CocoScores& scores, const std::vector<std::string>& class_names) {
  Json json = json_of(scores.summary(), summary_names);
  json["at_iou_50"] = json_of(scores.at_threshold(0), threshold_names);
  json["per_class"] = Json::array();
  for (int64_t i = 0; i < scores.classes(); ++i) {
    const ClassFigures f = figures_of(scores, i);
    json["per_class"].push_back({{"name", name_at(class_names, i)},
                                 {"ap", json_of(f.ap)},
                                 {"ap50", json_of(f.ap50)},
                                 {"ap75", json_of(f.ap75)},
                                 {"ar100", json_of(f.ar)},
                                 {"true_objects", scores.true_objects(i)},
                                 {"found_objects", scores.found_objects(i)}});
  }
  return json.dump();
}

}  // namespace vitrail
