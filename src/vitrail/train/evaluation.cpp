#include "vitrail/train/evaluation.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/image/resized_input.h"

namespace vitrail::train {
namespace {

namespace F = torch::nn::functional;

at::Tensor resized_to(const at::Tensor& logits, int64_t height, int64_t width) {
  if (logits.size(2) == height && logits.size(3) == width) return logits;
  return F::interpolate(logits, F::InterpolateFuncOptions()
                                    .size(std::vector<int64_t>{height, width})
                                    .mode(torch::kBilinear)
                                    .align_corners(false));
}

LabelMap label_map_from(const at::Tensor& labels) {
  const at::Tensor rows = labels.contiguous();
  LabelMap map(rows.size(0), rows.size(1));
  const int64_t* from = rows.data_ptr<int64_t>();
  std::transform(from, from + rows.numel(), map.labels.begin(),
                 [](int64_t label) { return static_cast<uint16_t>(label); });
  return map;
}

/// A picture as the network sees it, and how its logits become labels of the picture's size.
struct Seen {
  at::Tensor input;
  bool resized = false;  ///< to the network's one size, as SemanticPredictor does; else padded
};

Seen seen(const Image& image, const Preprocessing& p) {
  const int64_t height = p.height > 0 ? p.height : image.height, width = p.width > 0 ? p.width : image.width;
  if (height == image.height && width == image.width) return {to_torch(preprocess(image, p))};
  return {to_torch(resized_input(image, p, height, width)), true};
}

LabelMap most_probable(const at::Tensor& logits, const Seen& seen, const Image& image) {
  if (seen.resized) return label_map_from(resized_to(logits, image.height, image.width)[0].argmax(0));
  const at::Tensor fitted = resized_to(logits, seen.input.size(2), seen.input.size(3));
  return label_map_from(fitted[0].argmax(0).slice(0, 0, image.height).slice(1, 0, image.width));
}

/// The labels of the first output and of the further ones.
std::vector<LabelMap> predict_all(Module& module, const Preprocessing& preprocessing, const Image& image,
                                  const std::vector<FurtherOutput>& further) {
  const torch::NoGradGuard no_gradients;
  module.train(false);
  const Seen picture = seen(image, preprocessing);
  const NamedTensors outputs = module.forward({picture.input});
  std::vector<LabelMap> result{most_probable(outputs.front().second, picture, image)};
  for (const FurtherOutput& wanted : further)
    for (const auto& [name, logits] : outputs)
      if (name == wanted.name) result.push_back(most_probable(logits, picture, image));
  return result;
}

std::optional<double> image_mean_iou(const Sample& sample, const LabelMap& prediction, int64_t classes) {
  ConfusionMatrix matrix(classes);
  matrix.add(sample.labels.labels, prediction.labels);
  return matrix.pixels() == 0 ? std::nullopt : scores(matrix, AbsentClasses::truth_only).mean_iou;
}

}  // namespace

LabelMap predict_labels(Module& module, const Preprocessing& preprocessing, const Image& image) {
  return predict_all(module, preprocessing, image, {}).front();
}

Evaluation evaluate(Module& module, const Preprocessing& preprocessing, const Dataset& dataset,
                    const EvaluationOptions& options) {
  const int64_t size = dataset.size();
  const int64_t total = options.images == 0 ? size : std::min(options.images, size);
  Evaluation evaluation{ConfusionMatrix(options.classes), {}, {}};
  for (const FurtherOutput& output : options.further)
    evaluation.further.emplace_back(output.classes);
  for (int64_t i = 0; i < total; ++i) {
    if (options.go_on && !options.go_on(i, total))
      throw Error(ErrorKind::cancelled, {.found = cat("cancelled after ", i, " of ", total, " images")});
    const int64_t index = i * size / total;
    const Sample sample = dataset.load(index);
    const std::vector<LabelMap> found = predict_all(module, preprocessing, sample.image, options.further);
    evaluation.matrix.add(sample.labels.labels, found[0].labels);
    for (size_t t = 0; t < options.further.size(); ++t)
      evaluation.further[t].add(sample.further.at(t).labels, found.at(t + 1).labels);
    evaluation.images.push_back({index, image_mean_iou(sample, found[0], options.classes)});
  }
  return evaluation;
}

EvaluationPoint evaluation_point(int64_t step, const SegmentationScores& scores) {
  EvaluationPoint point{.step = step,
                        .figures = {{"mean_iou", scores.mean_iou},
                                    {"pixel_accuracy", scores.pixel_accuracy},
                                    {"mean_accuracy", scores.mean_accuracy}},
                        .class_figure = "iou",
                        .class_scores = {}};
  for (const ClassScores& one : scores.per_class)
    point.class_scores.push_back(one.iou);
  return point;
}

void add_figures(EvaluationPoint& point, const std::string& output, const SegmentationScores& scores) {
  for (Figure& figure : evaluation_point(point.step, scores).figures)
    point.figures.push_back({cat(output, ".", figure.name), figure.value});
}

}  // namespace vitrail::train
