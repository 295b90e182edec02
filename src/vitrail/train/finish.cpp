#include "vitrail/train/finish.h"

#include <iomanip>
#include <sstream>

#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/report.h"
#include "vitrail/train/setup.h"

namespace vitrail::train {
namespace {

Model exported_model(const RunState& run, const Outcome& outcome) {
  Model model{run.model.graph, outcome.weights, run.model.info};
  if (outcome.evaluation)
    model.info.notes["validation"] = cat(run.task->note(), " on ", run.task->validation_split(),
                                         "; weights of step ", outcome.step, " of ", run.recipe.train.steps);
  for (const auto& [name, value] : environment())
    model.info.notes["trained_with_" + name] = value;
  return model;
}

std::string rounded(double value) {
  std::ostringstream text;
  text << std::setprecision(3) << value;
  return text.str();
}

std::vector<std::pair<std::string, std::string>> headline(const RunState& run, const Outcome& outcome) {
  std::vector<std::pair<std::string, std::string>> figures;
  if (outcome.evaluation)
    for (const Figure& figure : outcome.evaluation->figures)
      figures.emplace_back(label_of(figure.name), percent(figure.value));
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

ReportData report_data(const RunState& run, const Outcome& outcome) {
  ReportData data;
  data.title = cat(network_name(run.recipe), " on ", run.model.info.dataset);
  data.figures = headline(run, outcome);
  data.classes = run.model.info.classes;
  data.history = run.now.history;
  data.recipe = run.model.info.recipe;
  data.environment = run.now.environment;
  if (!outcome.evaluation) return data;
  data.split = run.task->validation_split();
  run.task->fill(data, run.recipe.evaluate.report_images);
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
  if (outcome.evaluation) run.task->fill(result);
  write_onnx(result.model, exported_model(run, outcome));
  write_file_atomically(result.report, report_html(report_data(run, outcome)));
  return result;
}

}  // namespace vitrail::train
