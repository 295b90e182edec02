#include "vitrail/predict/evaluate_cityscapes.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "vitrail/base/text.h"
#include "vitrail/data/cityscapes.h"
#include "vitrail/data/cityscapes_results.h"
#include "vitrail/data/class_lists.h"
#include "vitrail/data/published_instances.h"
#include "vitrail/metrics/report.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* figure_names[] = {"ap", "ap50", "ap100m", "ap50m"};

/// AP, AP50, AP100m, AP50m of a class, or of all.
std::array<std::optional<double>, 4> figures_of(const CityscapesApScores& scores,
                                                std::optional<int64_t> class_index) {
  return {scores.average_precision(CityscapesRange::all, std::nullopt, class_index),
          scores.average_precision(CityscapesRange::all, 0, class_index),
          scores.average_precision(CityscapesRange::within_100m, std::nullopt, class_index),
          scores.average_precision(CityscapesRange::within_50m, std::nullopt, class_index)};
}

/// The place of a label among the classes that have objects, -1 for others.
int64_t class_of(int64_t label_id) {
  const std::vector<int64_t>& ids = cityscapes_instance_ids();
  const auto found = std::find(ids.begin(), ids.end(), label_id);
  return found == ids.end() ? -1 : found - ids.begin();
}

Json figures_json(const std::array<std::optional<double>, 4>& figures) {
  Json json;
  for (size_t i = 0; i < figures.size(); ++i)
    json[figure_names[i]] = figures[i] ? Json(*figures[i]) : Json();
  return json;
}

}  // namespace

std::vector<std::string> cityscapes_instance_names() {
  std::vector<std::string> names;
  const std::vector<int64_t>& ids = cityscapes_label_id_of_class();
  const std::vector<ClassInfo> classes = cityscapes_classes();
  for (size_t c = 0; c < classes.size(); ++c)
    if (class_of(ids[c]) >= 0) names.push_back(classes[c].name);
  return names;
}

CityscapesApScores evaluate_cityscapes_results(const std::filesystem::path& results,
                                               const std::filesystem::path& root, const std::string& split) {
  const CityscapesResults files(results);
  CityscapesApEvaluator evaluator(static_cast<int64_t>(cityscapes_instance_ids().size()));
  for (const CityscapesFrame& frame : cityscapes_frames(root, split)) {
    const CityscapesTruth truth = read_cityscapes_truth(frame);
    std::vector<CityscapesTrueObject> objects;
    for (const CityscapesTruth::Object& object : truth.objects)
      objects.push_back(
          {class_of(object.label_id), object.mask, object.group, object.distance, object.stereo_density});
    std::vector<CityscapesFoundObject> found;
    for (const CityscapesResult& result : files.read(frame.name))
      if (const int64_t c = class_of(result.label_id); c >= 0)
        found.push_back({c, result.mask, result.score});
    evaluator.add(objects, found, truth.void_pixels);
  }
  return evaluator.scores();
}

std::string cityscapes_ap_table(const CityscapesApScores& scores) {
  constexpr size_t name_width = 14, width = 10;
  const auto row = [&](const std::string& name, const std::array<std::string, 4>& cells) {
    std::string text = name;
    text.resize(std::max(text.size(), name_width), ' ');
    for (size_t i = 0; i < (scores.has_distances() ? 4u : 2u); ++i) {
      text.append(cells[i].size() < width ? width - cells[i].size() : 1, ' ');
      text += cells[i];
    }
    return text + "\n";
  };
  const auto figures = [&](std::optional<int64_t> class_index) {
    std::array<std::string, 4> cells;
    const auto values = figures_of(scores, class_index);
    for (size_t i = 0; i < values.size(); ++i)
      cells[i] = percent(values[i], 2, "");
    return cells;
  };
  std::string text = row("masks, %", {"AP", "AP50", "AP100m", "AP50m"});
  const std::vector<std::string> names = cityscapes_instance_names();
  for (size_t c = 0; c < names.size(); ++c)
    text += row(names[c], figures(static_cast<int64_t>(c)));
  return text + row("mean", figures(std::nullopt));
}

std::string cityscapes_ap_json(const CityscapesApScores& scores) {
  Json json = figures_json(figures_of(scores, std::nullopt));
  json["per_class"] = Json::array();
  const std::vector<std::string> names = cityscapes_instance_names();
  for (size_t c = 0; c < names.size(); ++c) {
    Json entry = {{"name", names[c]}};
    entry.update(figures_json(figures_of(scores, static_cast<int64_t>(c))));
    json["per_class"].push_back(entry);
  }
  return json.dump();
}

}  // namespace vitrail
