// The checker's report as text for people and as JSON for programs.

#include <algorithm>
#include <iomanip>
#include <sstream>

#include <nlohmann/json.hpp>

#include "vitrail/base/text.h"
#include "vitrail/data/check.h"
#include "vitrail/data/findings.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// "[0.2794, 0.2017]", as a recipe takes it.
std::string weight_list(const std::vector<double>& weights) {
  std::vector<std::string> words;
  for (const double w : weights) {
    std::ostringstream word;
    word << std::setprecision(5) << w;
    words.push_back(word.str());
  }
  return cat("[", join(words), "]");
}

/// Mean and deviation of each channel, as a recipe takes them.
void write_channels(std::ostream& out, const SplitStatistics& split) {
  std::vector<double> means, deviations;
  for (const ChannelSum& channel : split.channels) {
    means.push_back(channel.mean());
    deviations.push_back(channel.deviation());
  }
  if (!means.empty())
    out << "  channels: mean " << weight_list(means) << ", std " << weight_list(deviations) << "\n";
}

void write_shares(std::ostream& out, const DatasetReport& report) {
  size_t width = 8;
  for (const ClassInfo& info : report.classes)
    width = std::max(width, info.name.size() + 6);
  out << "\nShare of the labelled pixels\n"
      << std::left << "  " << std::setw(static_cast<int>(width)) << "class";
  for (const SplitStatistics& split : report.splits)
    out << std::right << std::setw(12) << split.name;
  for (size_t c = 0; c < report.classes.size(); ++c) {
    out << "\n  " << std::left << std::setw(static_cast<int>(width)) << cat(c, " ", report.classes[c].name);
    for (const SplitStatistics& split : report.splits)
      out << std::right << std::setw(12) << percent(share(split.counts.pixels[c], split.counts.labelled));
  }
  out << "\n  " << std::left << std::setw(static_cast<int>(width)) << "(ignored)";
  for (const SplitStatistics& split : report.splits)
    out << std::right << std::setw(12)
        << percent(share(split.counts.ignored, split.counts.labelled + split.counts.ignored));
  out << "\n";
}

Json split_json(const SplitStatistics& split, const std::vector<ClassInfo>& classes) {
  Json sizes = Json::array(), shares = Json::array(), channels = Json::array();
  for (const ChannelSum& channel : split.channels)
    channels.push_back({{"mean", channel.mean()}, {"std", channel.deviation()}});
  for (const auto& [size, count] : split.image_sizes)
    sizes.push_back({{"height", size.first}, {"width", size.second}, {"images", count}});
  for (size_t c = 0; c < classes.size(); ++c)
    shares.push_back({{"class", classes[c].name},
                      {"pixels", split.counts.pixels[c]},
                      {"share", share(split.counts.pixels[c], split.counts.labelled)}});
  return {{"name", split.name},
          {"samples", split.samples},
          {"labelled_pixels", split.counts.labelled},
          {"ignored_pixels", split.counts.ignored},
          {"image_sizes", sizes},
          {"image_formats", split.image_formats},
          {"channels", channels},
          {"label_formats", split.label_formats},
          {"classes", shares}};
}

}  // namespace

int64_t DatasetReport::errors() const {
  return count_of(findings, Severity::error);
}
int64_t DatasetReport::warnings() const {
  return count_of(findings, Severity::warning);
}

std::string to_text(const DatasetReport& report) {
  std::ostringstream out;
  out << report.dataset << ": " << report.classes.size() << " classes\n";
  for (const SplitStatistics& split : report.splits) {
    out << "\nSplit " << split.name << ": " << split.samples << " samples\n";
    write_counts(out, "image sizes", size_summary(split.image_sizes));
    write_counts(out, "image files", split.image_formats);
    write_channels(out, split);
    write_counts(out, "label files", split.label_formats);
  }
  if (!report.splits.empty()) write_shares(out, report);
  if (!report.median_frequency.empty())
    out << "\nClass weights from " << report.weights_from << ", ready to paste\n"
        << "  class_weights = \"given\"\n"
        << "  class_weight_values = " << weight_list(report.median_frequency) << "   # median frequency\n"
        << "  class_weight_values = " << weight_list(report.effective_number) << "   # effective number\n";
  out << "\n";
  write_findings(out, report.findings);
  write_totals(out, report.errors(), report.warnings());
  return out.str();
}

std::string to_json(const DatasetReport& report) {
  Json splits = Json::array(), classes = Json::array(), label_map = Json::object();
  for (const SplitStatistics& split : report.splits)
    splits.push_back(split_json(split, report.classes));
  for (const ClassInfo& info : report.classes)
    classes.push_back({{"name", info.name}, {"color", info.color}});
  for (const auto& [from, to] : report.label_map)
    label_map[std::to_string(from)] = to;
  const Json json{{"dataset", report.dataset},
                  {"errors", report.errors()},
                  {"warnings", report.warnings()},
                  {"classes", classes},
                  {"label_map", label_map},
                  {"findings", findings_json(report.findings)},
                  {"splits", splits},
                  {"class_weights",
                   {{"from", report.weights_from},
                    {"median_frequency", report.median_frequency},
                    {"effective_number", report.effective_number}}}};
  // File names need not be UTF-8; a report must not fail for it.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vitrail
