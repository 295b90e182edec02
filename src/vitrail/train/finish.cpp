#include "vitrail/train/finish.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/report.h"
#include "vitrail/train/setup.h"

namespace vitrail::train {
namespace {

std::string percent(double fraction) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << 100 * fraction << " %";
  return text.str();
}
std::string percent(const std::optional<double>& fraction) {
  return fraction ? percent(*fraction) : "absent";
}

std::string split_text(const RunState& run) {
  return cat(run.recipe.data.val_split, ", ", run.val_data->size(), " images");
}

std::string validation_note(const RunState& run, const Outcome& outcome, const SegmentationScores& scores) {
  return cat("mean IoU ", percent(scores.mean_iou), " (absent classes: ", name_of(scores.convention),
             "), pixel accuracy ", percent(scores.pixel_accuracy), " on ", split_text(run),
             "; weights of step ", outcome.step, " of ", run.recipe.train.steps);
}

Model exported_model(const RunState& run, const Outcome& outcome,
                     const std::optional<SegmentationScores>& scores) {
  Model model{run.model.graph, run.evaluated_module.weights(), run.model.info};
  if (scores) model.info.notes["validation"] = validation_note(run, outcome, *scores);
  for (const auto& [name, value] : environment())
    model.info.notes["trained_with_" + name] = value;
  return model;
}

/// Indices of the `count` lowest scores, worst first; images without a labelled pixel are left out.
std::vector<ImageScore> worst_images(std::vector<ImageScore> images, size_t count) {
  std::erase_if(images, [](const ImageScore& image) { return !image.mean_iou; });
  std::stable_sort(images.begin(), images.end(),
                   [](const ImageScore& a, const ImageScore& b) { return *a.mean_iou < *b.mean_iou; });
  images.resize(std::min(images.size(), count));
  return images;
}
std::vector<ImageScore> best_images(std::vector<ImageScore> images, size_t count) {
  images = worst_images(std::move(images), images.size());
  std::reverse(images.begin(), images.end());
  images.resize(std::min(images.size(), count));
  return images;
}

std::vector<ReportPicture> pictures(RunState& run, const std::vector<ImageScore>& images) {
  std::vector<ReportPicture> result;
  for (const ImageScore& image : images) {
    Sample sample = run.val_data->load(image.index);
    LabelMap prediction = predict_labels(run.evaluated_module, run.model.info.preprocessing, sample.image);
    result.push_back({sample.name, *image.mean_iou, std::move(sample.image), std::move(sample.labels),
                      std::move(prediction)});
  }
  return result;
}

std::string rounded(double value) {
  std::ostringstream text;
  text << std::setprecision(3) << value;
  return text.str();
}

std::vector<std::pair<std::string, std::string>> headline(const RunState& run, const Outcome& outcome,
                                                          const std::optional<SegmentationScores>& scores) {
  std::vector<std::pair<std::string, std::string>> figures;
  if (scores) {
    figures = {{"mean IoU", percent(scores->mean_iou)},
               {"pixel accuracy", percent(scores->pixel_accuracy)},
               {"mean accuracy", percent(scores->mean_accuracy)}};
  }
  int64_t parameters = 0;
  const Graph inference = run.model.graph.for_inference();
  for (const Parameter& parameter : inference.parameters())
    if (parameter.role == Role::learnable) parameters += element_count(parameter.shape);
  figures.emplace_back("parameters", rounded(static_cast<double>(parameters) / 1e6) + " M");
  figures.emplace_back("steps", cat(run.now.step));
  if (outcome.step != run.now.step) figures.emplace_back("step of the best weights", cat(outcome.step));
  figures.emplace_back("time", rounded(run.now.seconds / 60) + " min");
  figures.emplace_back("images/s in training", rounded(outcome.images_per_second));
  return figures;
}

ReportData report_data(RunState& run, const Outcome& outcome,
                       const std::optional<SegmentationScores>& scores) {
  ReportData data;
  data.title = cat(network_name(run.recipe), " on ", run.model.info.dataset);
  data.figures = headline(run, outcome, scores);
  data.classes = run.model.info.classes;
  data.history = run.now.history;
  data.recipe = run.model.info.recipe;
  data.environment = run.now.environment;
  data.scores = scores;
  if (!outcome.evaluation) return data;
  data.split = split_text(run);
  data.matrix = outcome.evaluation->matrix;
  const auto count = static_cast<size_t>(run.recipe.evaluate.report_images);
  data.worst = pictures(run, worst_images(outcome.evaluation->images, count));
  data.best = pictures(run, best_images(outcome.evaluation->images, count));
  return data;
}

}  // namespace

TrainResult write_outcome(RunState& run, const Outcome& outcome) {
  TrainResult result{.steps = run.now.step,
                     .model_step = outcome.step,
                     .scores = std::nullopt,
                     .class_names = run.class_names(),
                     .model = run.options.out_dir / "model.onnx",
                     .report = run.options.out_dir / "report.html"};
  if (outcome.evaluation)
    result.scores = scores(outcome.evaluation->matrix, absent_classes_from(run.recipe.evaluate.convention));
  write_onnx(result.model, exported_model(run, outcome, result.scores));
  write_file_atomically(result.report, report_html(report_data(run, outcome, result.scores)));
  return result;
}

}  // namespace vitrail::train
