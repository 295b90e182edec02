#pragma once
// The run's log as JSON lines (https://jsonlines.org): one object per line, for scripts and dashboards.
//
//   {"kind":"train","step":120,"loss":0.81,"parts":{"cross_entropy":0.81},"rate":0.00093,...}
//   {"kind":"evaluation","step":200,"mean_iou":0.412,"pixel_accuracy":0.83,...}
//
// A resumed run first drops the lines of steps that it will do again, so that every step is there once.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "vitrail/train/history.h"

namespace vitrail::train {

class JsonLog {
 public:
  /// Opens `path` for appending, keeping the lines whose step is at most `start_step` (0: none, a new run).
  /// Throws Error(file).
  JsonLog(const std::filesystem::path& path, int64_t start_step);

  void write(const TrainPoint& point);
  /// `classes` names the entries of `point.class_scores`.
  void write(const EvaluationPoint& point, const std::vector<std::string>& classes);

 private:
  void line(const std::string& text);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace vitrail::train
