#include "vitrail/cli/instance_options.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"

namespace vitrail::cli {
namespace {

const std::vector<std::string> of_instances = {"--score", "--only", "--most", "--boundary"};
const std::vector<std::string> of_semantics = {"--tile", "--overlap", "--memory", "--classes",
                                               "--mean", "--std",     "--order",  "--multiple"};

void refuse_given(const CLI::App& app, const std::vector<std::string>& names, const std::string& allowed,
                  const std::string& next) {
  for (const std::string& name : names)
    if (const CLI::Option* option = app.get_option_no_throw(name); option != nullptr && option->count() > 0)
      throw Error(ErrorKind::usage, {.where = name, .found = "given", .allowed = allowed, .next = next});
}

}  // namespace

void add_instance_options(CLI::App& app, InstanceOptions& options, double score) {
  const std::string group = "For models that outline objects";
  options.score = score;
  app.add_option("--score", options.score, "least score of an object, 0 to 1")
      ->check(fraction())
      ->group(group);
  app.add_option("--only", options.only,
                 "classes that are wanted, by name, separated by commas; all unless said")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--most", options.most, "objects per picture, the best; 0 = as the model says")
      ->check(at_least(0))
      ->group(group);
}

InstanceChoice instance_choice(const InstanceOptions& options, const ModelInfo& info) {
  InstanceChoice choice{.least_score = options.score, .most = options.most};
  std::vector<std::string> names;
  for (const ClassInfo& c : info.classes)
    names.push_back(c.name);
  for (const std::string& name : options.only) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw Error(ErrorKind::usage, {.where = "--only",
                                     .found = cat("the model has no class '", name, "'"),
                                     .next = did_you_mean(name, names)});
    choice.classes.push_back(found - names.begin());
  }
  return choice;
}

void check_task_options(const CLI::App& app, Task task, const std::vector<std::string>& semantic) {
  if (task == Task::semantic)
    return refuse_given(app, of_instances, "it is for models that outline objects; this one labels pixels",
                        "Leave it out");
  const std::string allowed = "it is for models that label pixels; this one outlines objects";
  refuse_given(app, {"--classes"}, allowed, "To choose among its classes: --only");
  refuse_given(app, of_semantics, allowed, "Leave it out");
  refuse_given(app, semantic, allowed, "Leave it out");
}

}  // namespace vitrail::cli
