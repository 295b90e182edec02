#include "vitrail/cli/cityscapes_figures.h"

#include <sstream>
#include <system_error>

#include "vitrail/base/text.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/label_png.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view label_end = "_labelIds.png", instance_end = "_instanceIds.png";

std::string row(std::string_view name, const std::optional<double>& iou, const std::optional<double>& iiou) {
  return cat("  ", aligned_left(std::string(name), 16), aligned_right(percent(iou, 2, ""), 8),
             aligned_right(iiou ? percent(iiou, 2, "") : "", 8), "\n");
}

Json number(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace

bool is_cityscapes(const std::string& dataset) {
  return dataset.starts_with("cityscapes:");
}

void add_cityscapes(CityscapesInstances& instances, const fs::path& labels, const LabelMap& prediction) {
  const std::string name = labels.filename().string();
  if (!name.ends_with(label_end)) return;
  const fs::path file =
      labels.parent_path() / cat(name.substr(0, name.size() - label_end.size()), instance_end);
  if (std::error_code ignored; fs::is_regular_file(file, ignored))
    instances.add(read_label_map(file).labels, prediction.labels);
}

std::string cityscapes_table(const CityscapesScores& scores, const std::vector<std::string>& class_names) {
  std::ostringstream out;
  out << "Cityscapes' further figures, as its script takes them (%)\n"
      << "  category             IoU    iIoU\n";
  for (const CityscapesScores::Category& category : scores.categories)
    out << row(category.name, category.iou, category.instance_iou);
  out << row("mean", scores.mean_category_iou, scores.mean_category_instance_iou);
  if (!scores.mean_instance_iou) return out.str();
  out << "  class                       iIoU\n";
  for (size_t c = 0; c < scores.class_instance_iou.size(); ++c)
    if (scores.class_instance_iou[c])
      out << "  " << aligned_left(class_names.at(c), 24)
          << aligned_right(percent(scores.class_instance_iou[c], 2, ""), 8) << "\n";
  out << "  " << aligned_left("mean", 24) << aligned_right(percent(scores.mean_instance_iou, 2, ""), 8)
      << "\n";
  return out.str();
}

Json cityscapes_json(const CityscapesScores& scores, const std::vector<std::string>& class_names) {
  Json categories = Json::array(), classes = Json::array();
  for (const CityscapesScores::Category& category : scores.categories)
    categories.push_back(
        {{"name", category.name}, {"iou", number(category.iou)}, {"iiou", number(category.instance_iou)}});
  for (size_t c = 0; c < scores.class_instance_iou.size(); ++c)
    if (scores.class_instance_iou[c])
      classes.push_back({{"name", class_names.at(c)}, {"iiou", *scores.class_instance_iou[c]}});
  return {{"categories", categories},
          {"mean_category_iou", number(scores.mean_category_iou)},
          {"mean_category_iiou", number(scores.mean_category_instance_iou)},
          {"classes", classes},
          {"mean_iiou", number(scores.mean_instance_iou)}};
}

}  // namespace vitrail::cli
