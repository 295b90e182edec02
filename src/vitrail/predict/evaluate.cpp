#include "vitrail/predict/evaluate.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/resize.h"
#include "vitrail/predict/load_ahead.h"

namespace vitrail {
namespace {

std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '-' && c != '_' && c != ' ')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

bool is_same_class_name(std::string_view a, std::string_view b) {
  return plain(a) == plain(b);
}

void check_same_classes(const std::vector<ClassInfo>& model, const std::vector<ClassInfo>& dataset) {
  const auto refuse = [](const std::string& found) {
    throw Error(
        ErrorKind::usage,
        {.where = "evaluation",
         .found = found,
         .allowed = "model and data set must have the same classes in the same order",
         .next = "Evaluate on the data set it was trained for, or name the model's classes (--classes)"});
  };
  if (model.size() != dataset.size())
    refuse(cat("the model has ", model.size(), " classes, the data set ", dataset.size()));
  for (size_t i = 0; i < model.size(); ++i)
    if (!is_same_class_name(model[i].name, dataset[i].name))
      refuse(cat("class ", i, " is '", model[i].name, "' in the model and '", dataset[i].name,
                 "' in the data set"));
}

Evaluation evaluate(const SemanticPredictor& predictor, const Dataset& dataset,
                    const EvaluateOptions& options) {
  return evaluate([&](const Image& image) { return predictor.predict(image); }, predictor.info().classes,
                  dataset, options);
}

Evaluation evaluate(const Predict& predict, const std::vector<ClassInfo>& classes, const Dataset& dataset,
                    const EvaluateOptions& options) {
  return evaluate([&](const Sample& sample, int64_t) { return predict(sample.image); }, classes, dataset,
                  options);
}

Evaluation evaluate(const PredictSample& predict, const std::vector<ClassInfo>& classes,
                    const Dataset& dataset, const EvaluateOptions& options) {
  check_same_classes(classes, dataset.classes());
  Evaluation result{.matrix = ConfusionMatrix(static_cast<int64_t>(dataset.classes().size()))};
  const int64_t total = dataset.size();
  std::vector<int64_t> all(static_cast<size_t>(total));
  std::iota(all.begin(), all.end(), 0);
  load_ahead(dataset, all, [&](int64_t i, const Sample& sample) {
    const auto start = std::chrono::steady_clock::now();
    LabelMap prediction = predict(sample, i);
    if (i > 0) result.predict_seconds += seconds_since(start);
    if (prediction.height != sample.labels.height || prediction.width != sample.labels.width)
      prediction = resize_labels(prediction, sample.labels.height, sample.labels.width);
    result.matrix.add(sample.labels.labels, prediction.labels);
    ++result.images;
    if (options.prediction) options.prediction(sample, prediction);
    if (options.progress && !options.progress(result.images, total))
      throw Error(ErrorKind::cancelled,
                  {.where = "evaluation", .found = cat("cancelled after ", result.images, " images")});
  });
  if (result.predict_seconds > 0)
    result.images_per_second = static_cast<double>(result.images - 1) / result.predict_seconds;
  return result;
}

std::vector<std::string> class_names(const ModelInfo& info) {
  std::vector<std::string> names;
  for (const ClassInfo& c : info.classes)
    names.push_back(c.name);
  return names;
}

}  // namespace vitrail
