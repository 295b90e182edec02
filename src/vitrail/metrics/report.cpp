#include "vitrail/metrics/report.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include <nlohmann/json.hpp>

#include "vitrail/base/text.h"

namespace vitrail {
namespace {

std::string class_name(const std::vector<std::string>& names, size_t c) {
  return c < names.size() ? names[c] : cat("class ", c);
}

// Code points, so that names beyond ASCII still line up.
size_t text_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; }));
}

/// For a table in percent.
std::string figure(const std::optional<double>& value) {
  return percent(value, 2, "");
}

bool has_pixels(const SegmentationScores& scores) {
  return std::any_of(scores.per_class.begin(), scores.per_class.end(),
                     [](const ClassScores& s) { return s.truth_pixels > 0; });
}

// Without one true pixel these averages are of nothing.
std::optional<double> average(const SegmentationScores& scores, double value) {
  return has_pixels(scores) ? std::optional(value) : std::nullopt;
}

nlohmann::ordered_json number_or_null(std::optional<double> value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

void write_row(std::ostream& out, size_t name_width, std::string_view name, const ClassScores& s) {
  out << name << std::string(name_width - text_width(name), ' ') << std::right;
  for (const auto& value : {s.iou, s.accuracy, s.precision, s.recall, s.f1})
    out << std::setw(11) << figure(value);
  out << std::setw(15) << s.truth_pixels << std::setw(18) << s.predicted_pixels << '\n';
}

}  // namespace

std::string_view meaning_of(AbsentClasses convention) {
  switch (convention) {
    case AbsentClasses::skipped: return "classes in neither truth nor prediction are left out";
    case AbsentClasses::zero: return "classes in neither truth nor prediction count 0";
    case AbsentClasses::one: return "classes in neither truth nor prediction count 1";
    case AbsentClasses::truth_only: return "only classes present in the truth count";
    case AbsentClasses::undefined: return "undefined when a class is in neither truth nor prediction";
  }
  return "";
}

std::string scores_table(const SegmentationScores& scores, const std::vector<std::string>& class_names) {
  size_t width = 5;
  for (size_t c = 0; c < scores.per_class.size(); ++c)
    width = std::max(width, text_width(class_name(class_names, c)));
  std::ostringstream out;
  out << "class" << std::string(width - 5, ' ') << std::right;
  for (const auto* heading : {"IoU", "accuracy", "precision", "recall", "F1"})
    out << std::setw(11) << heading;
  out << std::setw(15) << "truth pixels" << std::setw(18) << "predicted pixels" << '\n';
  for (size_t c = 0; c < scores.per_class.size(); ++c)
    write_row(out, width, class_name(class_names, c), scores.per_class[c]);
  out << '\n'
      << "mean IoU                " << figure(scores.mean_iou)
      << "  (absent classes: " << name_of(scores.convention) << "; " << meaning_of(scores.convention) << ")\n"
      << "pixel accuracy          " << figure(average(scores, scores.pixel_accuracy)) << '\n'
      << "mean accuracy           " << figure(average(scores, scores.mean_accuracy))
      << "  (classes present in the truth)\n"
      << "frequency-weighted IoU  " << figure(average(scores, scores.frequency_weighted_iou)) << '\n';
  return out.str();
}

std::string scores_json(const SegmentationScores& scores, const std::vector<std::string>& class_names) {
  nlohmann::ordered_json json;
  json["convention"] = name_of(scores.convention);
  json["mean_iou"] = number_or_null(scores.mean_iou);
  json["pixel_accuracy"] = number_or_null(average(scores, scores.pixel_accuracy));
  json["mean_accuracy"] = number_or_null(average(scores, scores.mean_accuracy));
  json["frequency_weighted_iou"] = number_or_null(average(scores, scores.frequency_weighted_iou));
  json["per_class"] = nlohmann::ordered_json::array();
  for (size_t c = 0; c < scores.per_class.size(); ++c) {
    const ClassScores& s = scores.per_class[c];
    json["per_class"].push_back({{"name", class_name(class_names, c)},
                                 {"iou", number_or_null(s.iou)},
                                 {"accuracy", number_or_null(s.accuracy)},
                                 {"precision", number_or_null(s.precision)},
                                 {"recall", number_or_null(s.recall)},
                                 {"f1", number_or_null(s.f1)},
                                 {"truth_pixels", s.truth_pixels},
                                 {"predicted_pixels", s.predicted_pixels}});
  }
  // Bytes of a class name that are not UTF-8 are replaced rather than refused: this is the end of a long run.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace vitrail
