#pragma once
// What a recipe's data.tasks say: further outputs of a network that learn other labels of the same pictures
// (SIFT Flow's FCN; SPEC 2.1).
//
//   Split train = open_split(recipe, "train");      // its samples carry the tasks' labels as further ones
//   check_tasks(model.graph, train.tasks);
//   NamedTensors further = take_tasks(train.tasks, outputs);   // outputs keeps the first and the auxiliary

#include <memory>
#include <string>
#include <vector>

#include "vitrail/data/dataset.h"
#include "vitrail/graph/graph.h"
#include "vitrail/train/evaluation.h"
#include "vitrail/train/recipe.h"

namespace vitrail::train {

/// What a further output learns.
struct LabelTask {
  std::string output;
  std::vector<ClassInfo> classes;
};

std::vector<std::string> names_of(const LabelTask& task);

struct Split {
  std::unique_ptr<Dataset> data;  ///< null where the recipe names no such split
  std::vector<LabelTask> tasks;   ///< by further labels of the data
};

/// Throws what open_dataset and with_further_labels throw.
Split open_split(const Recipe& recipe, const std::string& split);

/// Throws Error(usage) where a task's output is not there or has another number of classes, and where an
/// output that is not auxiliary has no task.
void check_tasks(const Graph& graph, const std::vector<LabelTask>& tasks);

std::vector<FurtherOutput> further_outputs(const std::vector<LabelTask>& tasks);

/// Moves the tasks' outputs out of `outputs`, in the tasks' order; check_tasks has found them all.
NamedTensors take_tasks(const std::vector<LabelTask>& tasks, NamedTensors& outputs);

}  // namespace vitrail::train
