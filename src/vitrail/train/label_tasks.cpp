#include "vitrail/train/label_tasks.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/further_labels.h"

namespace vitrail::train {
namespace {

/// Whether a further output has the classes that it is to learn.
void check_task(const Graph& graph, const LabelTask& task) {
  const auto classes = static_cast<int64_t>(task.classes.size());
  std::vector<std::string> names;
  for (size_t i = 1; i < graph.outputs().size(); ++i) {
    const Output& output = graph.outputs()[i];
    if (output.training_only) continue;
    if (output.name == task.output && graph.channels(output.value) == classes) return;
    names.push_back(cat(output.name, " of ", graph.channels(output.value), " classes"));
  }
  throw Error(
      ErrorKind::usage,
      {.where = "data.tasks",
       .found = cat("output '", task.output, "' is to learn ", classes, " classes; beside the first the ",
                    "network has ", names.empty() ? "no output" : join(names)),
       .next = "Give the network the output with net.set: { geometric = 3 } of FCN"});
}

/// Whether every output beside the first is either one of the tasks or auxiliary.
void check_every_output_learns(const Graph& graph, const std::vector<LabelTask>& tasks) {
  for (size_t i = 1; i < graph.outputs().size(); ++i) {
    const Output& output = graph.outputs()[i];
    const bool taught = std::any_of(tasks.begin(), tasks.end(),
                                    [&](const LabelTask& task) { return task.output == output.name; });
    if (!output.training_only && !taught)
      throw Error(ErrorKind::usage,
                  {.where = "data.tasks",
                   .found = cat("nothing teaches the network's output '", output.name, "'"),
                   .next = cat("Name the data set that has its labels: data.tasks = { ", output.name,
                               " = \"NAME\" }, or leave the output out of net.set")});
  }
}

}  // namespace

std::vector<std::string> names_of(const LabelTask& task) {
  std::vector<std::string> names;
  for (const ClassInfo& each : task.classes)
    names.push_back(each.name);
  return names;
}

Split open_split(const Recipe& recipe, const std::string& split) {
  if (split.empty()) return {};
  Split result{open_dataset(recipe.data.dataset, split, {.label_map = recipe.data.label_map}), {}};
  const std::string& first = recipe.data.dataset;
  std::vector<std::unique_ptr<Dataset>> others;
  for (const auto& [output, spec] : recipe.data.tasks) {
    const bool placed = spec.find(':') != std::string::npos;
    others.push_back(open_dataset(placed ? spec : spec + first.substr(first.find(':')), split));
    result.tasks.push_back({output, others.back()->classes()});
  }
  if (!others.empty()) result.data = with_further_labels(std::move(result.data), std::move(others));
  return result;
}

void check_tasks(const Graph& graph, const std::vector<LabelTask>& tasks) {
  check_every_output_learns(graph, tasks);
  for (const LabelTask& task : tasks)
    check_task(graph, task);
}

std::vector<FurtherOutput> further_outputs(const std::vector<LabelTask>& tasks) {
  std::vector<FurtherOutput> result;
  for (const LabelTask& task : tasks)
    result.push_back({task.output, static_cast<int64_t>(task.classes.size())});
  return result;
}

NamedTensors take_tasks(const std::vector<LabelTask>& tasks, NamedTensors& outputs) {
  NamedTensors result;
  for (const LabelTask& task : tasks) {
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const auto& output) { return output.first == task.output; });
    result.push_back(*found);
    outputs.erase(found);
  }
  return result;
}

}  // namespace vitrail::train
