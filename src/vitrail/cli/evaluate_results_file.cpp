// vitrail evaluate --results: figures of what some program found, without its model.

#include <iostream>

#include <nlohmann/json.hpp>

#include "vitrail/cli/evaluate_options.h"
#include "vitrail/cli/output.h"
#include "vitrail/metrics/coco_report.h"
#include "vitrail/predict/evaluate_cityscapes.h"
#include "vitrail/predict/evaluate_results.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;

void print_figures(const EvaluateRequest& options, const std::string& split,
                   const ResultsEvaluation& evaluation, const std::vector<std::string>& names) {
  Json json = {{"results", options.results},
               {"dataset", options.dataset},
               {"split", split.empty() ? Json() : Json(split)},
               {"images", evaluation.images},
               {"result_count", evaluation.results},
               {"of_other_categories", evaluation.of_other_categories},
               {"boxes", Json::parse(coco_json(evaluation.boxes, names))}};
  if (evaluation.masks) json["masks"] = Json::parse(coco_json(*evaluation.masks, names));
  if (evaluation.boundaries) json["boundaries"] = Json::parse(coco_json(*evaluation.boundaries, names));
  print_json(json);
}

constexpr std::string_view cityscapes = "cityscapes:";

int evaluate_cityscapes_folder(const EvaluateRequest& options, const std::string& split) {
  const std::string chosen = split.empty() ? "val" : split;
  const CityscapesApScores scores =
      evaluate_cityscapes_results(options.results, options.dataset.substr(cityscapes.size()), chosen);
  if (options.json) {
    Json json = {{"results", options.results}, {"dataset", options.dataset}, {"split", chosen}};
    json["masks"] = Json::parse(cityscapes_ap_json(scores));
    print_json(json);
  } else {
    std::cout << options.results << " on " << options.dataset << ", " << chosen << "\n\n"
              << cityscapes_ap_table(scores) << std::flush;
  }
  return 0;
}

}  // namespace

int evaluate_result_file(const EvaluateRequest& options, const std::string& split) {
  if (options.dataset.starts_with(cityscapes)) return evaluate_cityscapes_folder(options, split);
  const auto dataset = open_instance_dataset(options.dataset, split);
  const ResultsEvaluation evaluation =
      evaluate_results(options.results, *dataset,
                       {.boundaries = options.boundary, .id_zero_is_unmatched = options.as_pycocotools});
  std::vector<std::string> names;
  for (const ClassInfo& c : dataset->classes())
    names.push_back(c.name);
  if (options.json) {
    print_figures(options, split, evaluation, names);
    return 0;
  }
  std::cout << options.results << " on " << options.dataset << (split.empty() ? "" : ", " + split) << "\n\n"
            << coco_table(evaluation.boxes, names);
  if (evaluation.masks) std::cout << "\n" << coco_table(*evaluation.masks, names);
  if (evaluation.boundaries) std::cout << "\n" << coco_table(*evaluation.boundaries, names);
  std::cout << "\n" << evaluation.results << " results in " << evaluation.images << " images";
  if (evaluation.of_other_categories > 0)
    std::cout << "; " << evaluation.of_other_categories << " of categories that the data set has not";
  std::cout << std::endl;
  return 0;
}

}  // namespace vitrail::cli
