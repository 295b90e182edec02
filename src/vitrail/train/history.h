#pragma once
// What a training run has been through: the figures behind the log, the curves and the report.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vitrail::train {

/// Means over the steps since the previous point.
struct TrainPoint {
  int64_t step = 0;  ///< steps done
  double loss = 0;
  std::map<std::string, double> parts;  ///< the loss's terms, before their factors
  double rate = 0;                      ///< learning rate of the last step
  double gradient_norm = 0;             ///< before clipping
  double images_per_second = 0;
};

/// One figure of an evaluation, as a fraction; nothing where it is undefined.
struct Figure {
  std::string name;  ///< "mean_iou", "mask_ap50": of log and curves
  std::optional<double> value;
};
/// The name as people write it: "mean IoU", "mask AP50".
std::string label_of(const std::string& figure);

struct EvaluationPoint {
  int64_t step = 0;
  std::vector<Figure> figures;                      ///< the first one is what the best weights are chosen by
  std::string class_figure = "iou";                 ///< what `class_scores` are: "iou", "mask_ap50"
  std::vector<std::optional<double>> class_scores;  ///< nothing where the class is absent

  std::optional<double> score() const { return figures.empty() ? std::nullopt : figures.front().value; }
};

struct History {
  std::vector<TrainPoint> train;
  std::vector<EvaluationPoint> evaluations;
};

}  // namespace vitrail::train
