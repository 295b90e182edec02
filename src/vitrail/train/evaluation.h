#pragma once
// Evaluation while training: whole validation images through the module, one at a time.
//
//   Evaluation e = evaluate(module, model.info.preprocessing, *dataset, {.classes = 11});
//   scores(e.matrix).mean_iou;
//
// Nothing is kept from image to image but counts, so memory stays flat whatever the size of the set.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/data/dataset.h"
#include "vitrail/metrics/confusion.h"
#include "vitrail/train/history.h"
#include "vitrail/train/module.h"

namespace vitrail::train {

/// An output of the network beside the first, judged by other labels of the same pictures.
struct FurtherOutput {
  std::string name;
  int64_t classes = 0;
};

struct EvaluationOptions {
  int64_t classes = 0;
  std::vector<FurtherOutput> further;  ///< in the order of the samples' further labels
  int64_t images = 0;                  ///< that many, evenly spread over the set; 0 = all
  /// Called before each image with (done, total); false stops with Error(cancelled).
  std::function<bool(int64_t, int64_t)> go_on;
};

struct ImageScore {
  int64_t index = 0;               ///< in the data set
  std::optional<double> mean_iou;  ///< over the classes in its own truth; nothing if none is labelled
};

struct Evaluation {
  ConfusionMatrix matrix;
  std::vector<ConfusionMatrix> further;  ///< of the further outputs
  std::vector<ImageScore> images;
};

/// The most probable class of each pixel. The module is put into evaluation mode. Logits of another size than
/// the network's input are resized to it bilinearly; a network of one fixed input size sees the picture
/// resized to it.
LabelMap predict_labels(Module& module, const Preprocessing& preprocessing, const Image& image);

Evaluation evaluate(Module& module, const Preprocessing& preprocessing, const Dataset& dataset,
                    const EvaluationOptions& options);

/// The figures of `scores`, as a point of the history.
EvaluationPoint evaluation_point(int64_t step, const SegmentationScores& scores);
/// Those of a further output, beside the first one's: "geometric.mean_iou" ...
void add_figures(EvaluationPoint& point, const std::string& output, const SegmentationScores& scores);

}  // namespace vitrail::train
