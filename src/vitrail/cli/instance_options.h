#pragma once
// The options of models that outline objects, beside those of model_options.h; and what keeps the two apart.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "vitrail/graph/model.h"
#include "vitrail/predict/instance.h"

namespace vitrail::cli {

struct InstanceOptions {
  double score = 0;
  std::vector<std::string> only;  ///< names of classes
  int64_t most = 0;
};

/// Adds --score, --only and --most to `app`, in a group of their own. `score` is what --score is unless said.
void add_instance_options(CLI::App& app, InstanceOptions& options, double score);

/// Throws Error(usage) for a class that the model has not, with the nearest name.
InstanceChoice instance_choice(const InstanceOptions& options, const ModelInfo& info);

/// Throws Error(usage) where an option was given that means nothing to a model of this task: --score for one
/// that labels pixels, --tile or --classes for one that outlines objects. `semantic` names those that are of
/// the command alone.
void check_task_options(const CLI::App& app, Task task, const std::vector<std::string>& semantic = {});

}  // namespace vitrail::cli
