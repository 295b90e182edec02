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

struct EvaluationPoint {
  int64_t step = 0;
  std::optional<double> mean_iou;  ///< nothing where the convention leaves it undefined
  double pixel_accuracy = 0;
  double mean_accuracy = 0;
  std::vector<std::optional<double>> class_iou;  ///< nothing where the class is absent
};

struct History {
  std::vector<TrainPoint> train;
  std::vector<EvaluationPoint> evaluations;
};

}  // namespace vitrail::train
