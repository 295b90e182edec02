#pragma once
// A model measured on a data set: every image predicted, every pixel counted.
//
//   auto test = open_dataset("camvid:/data/camvid", "test");
//   Evaluation e = evaluate(predictor, *test);
//   std::cout << scores_table(scores(e.matrix, AbsentClasses::skipped), class_names(predictor.info()));

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/data/dataset.h"
#include "vitrail/metrics/confusion.h"
#include "vitrail/predict/semantic.h"

namespace vitrail {

struct EvaluateOptions {
  /// Called after each image with how many are done; returning false cancels (Error(cancelled)).
  std::function<bool(int64_t done, int64_t total)> progress;
  /// Called with each image's prediction, which has the size of its labels.
  std::function<void(const Sample& sample, const LabelMap& prediction)> prediction;
};

/// Class indices of an image at its size.
using Predict = std::function<LabelMap(const Image& image)>;
/// The same of the data set's sample `index`: of an ensemble whose members see other pictures of it, say.
using PredictSample = std::function<LabelMap(const Sample& sample, int64_t index)>;

struct Evaluation {
  ConfusionMatrix matrix;  ///< at the labels' resolution
  int64_t images = 0;
  double predict_seconds = 0;  ///< inside the predictor alone: not loading, not counting, not the first image
  double images_per_second = 0;  ///< over all images but the first, which compiles; 0 where there is only one
};

/// Loading the next image overlaps with predicting this one. Throws Error(usage) when the data set's classes
/// are not the model's, in number or by name, and whatever loading or predicting throws.
Evaluation evaluate(const SemanticPredictor& predictor, const Dataset& dataset,
                    const EvaluateOptions& options = {});

/// The same for any way of predicting (a test protocol, a dense CRF behind the network); `classes` are the
/// model's.
Evaluation evaluate(const Predict& predict, const std::vector<ClassInfo>& classes, const Dataset& dataset,
                    const EvaluateOptions& options = {});
Evaluation evaluate(const PredictSample& predict, const std::vector<ClassInfo>& classes,
                    const Dataset& dataset, const EvaluateOptions& options = {});

/// Upper and lower case, '-', '_' and spaces do not matter.
bool is_same_class_name(std::string_view a, std::string_view b);

/// Throws Error(usage) naming the first difference when the two lists are not the same classes in the same
/// order (as is_same_class_name compares them).
void check_same_classes(const std::vector<ClassInfo>& model, const std::vector<ClassInfo>& dataset);

std::vector<std::string> class_names(const ModelInfo& info);

}  // namespace vitrail
