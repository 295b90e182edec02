// vitrail evaluate: a model's scores on a data set.

#include <filesystem>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/cityscapes_figures.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/evaluate_options.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/data/further_labels.h"
#include "vitrail/image/label_png.h"
#include "vitrail/metrics/components.h"
#include "vitrail/metrics/report.h"
#include "vitrail/predict/dense_crf.h"
#include "vitrail/predict/ensemble.h"
#include "vitrail/predict/evaluate.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/predict/protocol.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

using Options = EvaluateRequest;

void declare(CLI::App& app, Options& options) {
  auto* model = app.add_option("MODEL", options.model, "model file: .onnx, or .safetensors from training");
  app.add_option("--results", options.results,
                 "instead of a model, what it found: a result file of COCO's form, or Cityscapes' folder")
      ->excludes(model);
  app.add_option("--dataset", options.dataset, "NAME:PATH; `vitrail list datasets` shows the names")
      ->required();
  app.add_option("--split", options.split, "which part of the data set, or several joined by '+'");
  app.add_option("--convention", options.convention,
                 "how an absent class enters the mean IoU; `vitrail list conventions` explains them");
  app.add_option("--protocol", options.protocol,
                 "test as a paper did: windows, scales, flips; `vitrail list protocols` explains them");
  app.add_option("--crf", options.crf, "refine with a dense CRF: resnet101 or vgg16 (DeepLab's settings)")
      ->excludes("--protocol");
  app.add_option(
         "--with", options.with,
         "another model whose scores are averaged with MODEL's; MODEL2=NAME:PATH sees its own pictures "
         "of the same scenes (FCN's colour and HHA networks: nyud, nyud-hha); may be repeated")
      ->allow_extra_args(false)
      ->excludes("--crf");
  app.add_option("--objects", options.objects,
                 "count this class's connected components as objects; label files number them (dsb2018)")
      ->check(between(0, 254));
  app.add_flag("--boundary", options.boundary, "measure Boundary IoU of objects, too");
  app.add_flag("--as-pycocotools", options.as_pycocotools,
               "with --results: count objects whose id is 0 as never found, as pycocotools does")
      ->needs("--results");
  app.add_option(
      "--out", options.out,
      "folder for the predictions: NAME.png of class indices, or results.json of objects (COCO's form)");
  app.add_flag("--json", options.json, "print the scores as JSON");
  add_run_options(app, options.run);
  add_info_options(app, options.info);
  add_instance_options(app, options.instances, 0);
}

// Labels mean what they meant in training when the model was trained on this data set under a label map of
// its own.
DatasetOptions as_trained(const ModelInfo& info, const std::string& dataset) {
  const bool same = info.dataset == dataset.substr(0, dataset.find(':'));
  return same ? DatasetOptions{.label_map = info.label_map} : DatasetOptions{};
}

std::string speed(const Evaluation& evaluation) {
  if (evaluation.images < 2) return "speed not measured";
  return cat(fixed(evaluation.images_per_second, 1), " images/s in the predictor (first image left out)");
}

/// Several models, and for each its pictures; null: the data set's own.
struct Members {
  std::vector<Model> models;
  std::vector<std::shared_ptr<const Dataset>> pictures;
};

Members open_members(const Options& options, const Dataset& dataset) {
  Members members;
  members.models.push_back(load_model(options.model, options.info));
  members.pictures.emplace_back();
  for (const std::string& with : options.with) {
    const size_t equals = with.find('=');
    members.models.push_back(read_model(with.substr(0, equals)));
    members.pictures.emplace_back();
    if (equals == std::string::npos) continue;
    members.pictures.back() = open_dataset(with.substr(equals + 1), options.split);
    check_same_pictures(dataset, *members.pictures.back());
  }
  return members;
}

PredictSample predict_together(const Options& options, const Dataset& dataset) {
  Members members = open_members(options, dataset);
  const TestProtocol protocol =
      options.protocol.empty() ? Ensemble::mean_of_scores() : test_protocol(options.protocol);
  const auto ensemble =
      std::make_shared<Ensemble>(std::move(members.models), protocol, predict_options(options.run).engine);
  return [ensemble, pictures = std::move(members.pictures)](const Sample& sample, int64_t index) {
    std::vector<Sample> others(pictures.size());
    std::vector<const Image*> images;
    for (size_t i = 0; i < pictures.size(); ++i) {
      if (pictures[i]) others[i] = pictures[i]->load(index);
      images.push_back(pictures[i] ? &others[i].image : &sample.image);
    }
    return ensemble->predict(images);
  };
}

/// How images become labels: by several models, by the model's own predictor, by a published test protocol,
/// or refined by a CRF.
PredictSample predict_as_asked(const Options& options, const SemanticPredictor& predictor,
                               const Dataset& dataset) {
  if (!options.with.empty()) return predict_together(options, dataset);
  if (!options.protocol.empty()) {
    const auto tester = std::make_shared<ProtocolPredictor>(load_model(options.model, options.info),
                                                            test_protocol(options.protocol),
                                                            predict_options(options.run).engine);
    return [tester](const Sample& sample, int64_t) { return tester->predict(sample.image); };
  }
  if (!options.crf.empty())
    return [&predictor, crf = crf_options(options.crf)](const Sample& sample, int64_t) {
      return labels_of(dense_crf(sample.image, predictor.probabilities(sample.image), crf));
    };
  return [&predictor](const Sample& sample, int64_t) { return predictor.predict(sample.image); };
}

/// The components of a class against the objects that the label file numbers.
ComponentMatch match_objects(const Options& options, const fs::path& instances, const LabelMap& prediction) {
  const LabelMap truth = read_label_map(instances);
  const std::vector<int32_t> numbers(truth.labels.begin(), truth.labels.end());
  return match_components(components(prediction.labels, prediction.height, prediction.width,
                                     static_cast<uint16_t>(options.objects)),
                          numbers);
}

/// What is counted beside the confusion matrix.
struct Counts {
  ComponentScores objects;
  CityscapesInstances cityscapes;
};

Evaluation measure(const Options& options, const SemanticPredictor& predictor, const Dataset& dataset,
                   Counts& counts) {
  const PredictSample predict = predict_as_asked(options, predictor, dataset);
  std::vector<Rgb> palette;
  for (const ClassInfo& c : predictor.info().classes)
    palette.push_back(c.color);
  Progress progress("evaluate");
  EvaluateOptions callbacks;
  callbacks.progress = [&](int64_t done, int64_t total) {
    progress.show(done, total);
    return true;
  };
  if (!options.out.empty()) make_folder(options.out);
  int64_t index = 0;
  callbacks.prediction = [&](const Sample& sample, const LabelMap& prediction) {
    const fs::path labels = dataset.label_path(index++);
    if (options.objects >= 0) counts.objects.add(match_objects(options, labels, prediction));
    if (is_cityscapes(options.dataset)) add_cityscapes(counts.cityscapes, labels, prediction);
    if (options.out.empty()) return;
    const fs::path file = fs::path(options.out) / (fs::path(sample.name).filename().string() + ".png");
    write_label_map(file, prediction, palette);
  };
  return evaluate(predict, predictor.info().classes, dataset, callbacks);
}

}  // namespace

int evaluate_command(CLI::App& app, const Arguments& arguments) {
  Options options;
  declare(app, options);
  parse(app, arguments);

  const AbsentClasses convention = absent_classes_from(options.convention);
  const std::string split_if_given = app.count("--split") > 0 ? options.split : "";
  if (!options.results.empty()) return evaluate_result_file(options, split_if_given);
  if (options.model.empty())
    throw Error(ErrorKind::usage, {.where = "evaluate",
                                   .found = "there is no MODEL",
                                   .allowed = "a model file, or --results with what a model found"});
  Model model = read_model(options.model);
  check_task_options(app, model.info.task, {"--convention", "--protocol", "--crf", "--objects", "--with"});
  apply_info(options.info, model);
  if (model.info.task == Task::instance) return evaluate_objects(options, std::move(model), split_if_given);
  if (options.objects >= std::ssize(model.info.classes))
    throw Error(ErrorKind::usage,
                {.where = "--objects",
                 .found = cat("class ", options.objects),
                 .allowed = cat("the model's classes, 0 to ", model.info.classes.size() - 1)});
  const SemanticPredictor predictor(std::move(model), predict_options(options.run));
  const auto dataset =
      open_dataset(options.dataset, options.split, as_trained(predictor.info(), options.dataset));
  Counts counts;
  const Evaluation evaluation = measure(options, predictor, *dataset, counts);
  const ComponentScores& objects = counts.objects;
  std::optional<CityscapesScores> cityscapes;
  if (is_cityscapes(options.dataset)) cityscapes = cityscapes_scores(evaluation.matrix, counts.cityscapes);
  const SegmentationScores result = scores(evaluation.matrix, convention);
  const std::vector<std::string> names = class_names(predictor.info());

  if (options.json) {
    Json json = {{"model", options.model}, {"dataset", options.dataset}, {"split", options.split}};
    json.update(Json::parse(scores_json(result, names)));
    if (objects.images() > 0)
      json["objects"] = {{"average_precision_50", objects.average_precision()}, {"f1_50", objects.f1()}};
    if (cityscapes) json["cityscapes"] = cityscapes_json(*cityscapes, names);
    json["images"] = evaluation.images;
    json["images_per_second"] = evaluation.images_per_second;
    print_json(json);
    return 0;
  }
  std::cout << options.model << " on " << options.dataset << ", " << options.split << "\n\n"
            << scores_table(result, names) << "\n"
            << (cityscapes ? cityscapes_table(*cityscapes, names) + "\n" : "") << evaluation.images
            << " images, " << speed(evaluation) << std::endl;
  if (objects.images() > 0)
    std::cout << "objects at IoU 0.5: AP (TP/(TP+FP+FN), mean over images) "
              << fixed(100 * objects.average_precision(), 2) << ", F1 " << fixed(100 * objects.f1(), 2)
              << ", " << objects.total().right << " of " << objects.total().true_objects << " found, "
              << objects.total().predicted << " predicted" << std::endl;
  return 0;
}

}  // namespace vitrail::cli
