// vitrail check-dataset: faults of a data set, before training on it.

#include <algorithm>
#include <iostream>

#include "vitrail/cli/command.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/data/check.h"
#include "vitrail/data/check_instances.h"
#include "vitrail/data/instance_dataset.h"

namespace vitrail::cli {
namespace {

/// Whether the data set is known, and not for its pixels' classes.
bool has_objects_only(const std::string& dataset) {
  const std::string name = dataset.substr(0, dataset.find(':'));
  const auto is_named = [&](const auto& entry) { return entry.name == name; };
  const auto& instances = instance_dataset_entries();
  const auto& semantic = dataset_entries();
  return std::any_of(instances.begin(), instances.end(), is_named) &&
         std::none_of(semantic.begin(), semantic.end(), is_named);
}

/// Runs one of the checkers under a progress line, and prints its report.
template <class Check>
int report(const Check& check, const std::string& dataset, CheckOptions options, bool json) {
  const auto checked = [&] {
    Progress progress("check");
    options.progress = [&](int64_t done, int64_t total) {
      progress.show(done, total);
      return true;
    };
    return check(dataset, options);
  }();
  std::cout << (json ? to_json(checked) : to_text(checked)) << std::endl;
  return checked.errors() > 0 ? 1 : 0;
}

}  // namespace

int check_dataset_command(CLI::App& app, const Arguments& arguments) {
  std::string dataset;
  bool json = false, instances = false;
  int threads = 2;
  app.add_option("NAME:PATH", dataset, "the data set; `vitrail list datasets` shows the names")->required();
  app.add_flag("--instances", instances,
               "check objects, not pixels' classes, where a data set has both (dsb2018, cityscapes)");
  app.add_flag("--json", json, "print JSON");
  app.add_option("--threads", threads, "files read at a time")->check(between(1, 256));
  parse(app, arguments);

  const CheckOptions options{.threads = threads};
  if (instances || has_objects_only(dataset)) return report(check_instances, dataset, options, json);
  return report(check_dataset, dataset, options, json);
}

}  // namespace vitrail::cli
