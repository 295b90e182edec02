// vitrail evaluate, of models that outline objects: COCO's figures.

#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "vitrail/base/text.h"
#include "vitrail/cli/coco_results.h"
#include "vitrail/cli/evaluate_options.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/metrics/coco_report.h"
#include "vitrail/predict/evaluate.h"
#include "vitrail/predict/evaluate_instances.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What was found in all pictures, under the data set's own numbers.
class Results {
 public:
  Results(const InstanceDataset& dataset, const std::vector<ClassInfo>& classes) {
    const std::vector<int64_t> class_of = model_classes_of(dataset, classes);
    categories_.resize(classes.size());
    for (size_t i = 0; i < class_of.size(); ++i)
      if (class_of[i] >= 0)
        categories_[static_cast<size_t>(class_of[i])] = dataset.category_of(static_cast<int64_t>(i));
  }

  void add(const InstanceSample& sample, const std::vector<FoundInstance>& found) {
    for (const FoundInstance& instance : found)
      list_.push_back(
          coco_result(instance, sample.id, categories_[static_cast<size_t>(instance.class_index)]));
  }

  void write(const fs::path& folder) const {
    make_folder(folder);
    write_coco_results(folder / "results.json", list_);
  }

 private:
  std::vector<int64_t> categories_;
  std::vector<CocoResult> list_;
};

InstanceEvaluation measure(const EvaluateRequest& options, const InstancePredictor& predictor,
                           const InstanceDataset& dataset) {
  Results results(dataset, predictor.info().classes);
  Progress progress("evaluate");
  InstanceEvaluateOptions callbacks;
  callbacks.boundaries = options.boundary;
  callbacks.progress = [&](int64_t done, int64_t total) {
    progress.show(done, total);
    return true;
  };
  if (!options.out.empty())
    callbacks.found = [&](const InstanceSample& sample, const std::vector<FoundInstance>& found) {
      results.add(sample, found);
    };
  InstanceEvaluation evaluation = evaluate(predictor, dataset, callbacks);
  if (!options.out.empty()) results.write(options.out);
  return evaluation;
}

void print_figures(const EvaluateRequest& options, const std::string& split,
                   const InstanceEvaluation& evaluation, const std::vector<std::string>& names) {
  Json json = {{"model", options.model},
               {"dataset", options.dataset},
               {"split", split.empty() ? Json() : Json(split)},
               {"images", evaluation.images},
               {"images_per_second", evaluation.images_per_second},
               {"boxes", Json::parse(coco_json(evaluation.boxes, names))}};
  if (evaluation.masks) json["masks"] = Json::parse(coco_json(*evaluation.masks, names));
  if (evaluation.boundaries) json["boundaries"] = Json::parse(coco_json(*evaluation.boundaries, names));
  print_json(json);
}

}  // namespace

int evaluate_objects(const EvaluateRequest& options, Model model, const std::string& split) {
  const InstanceChoice choice = instance_choice(options.instances, model.info);
  const InstancePredictor predictor(std::move(model), predict_options(options.run), choice);
  const auto dataset = open_instance_dataset(options.dataset, split);
  const InstanceEvaluation evaluation = measure(options, predictor, *dataset);
  const std::vector<std::string> names = class_names(predictor.info());
  if (options.json) {
    print_figures(options, split, evaluation, names);
    return 0;
  }
  std::cout << options.model << " on " << options.dataset << (split.empty() ? "" : ", " + split) << "\n\n"
            << coco_table(evaluation.boxes, names);
  if (evaluation.masks) std::cout << "\n" << coco_table(*evaluation.masks, names);
  if (evaluation.boundaries) std::cout << "\n" << coco_table(*evaluation.boundaries, names);
  std::cout << "\n"
            << evaluation.images << " images, "
            << (evaluation.images < 2 ? "speed not measured"
                                      : cat(fixed(evaluation.images_per_second, 1),
                                            " images/s in the predictor (first image left out)"))
            << std::endl;
  return 0;
}

}  // namespace vitrail::cli
