// vitrail check-dataset: faults of a data set, before training on it.

#include <iostream>

#include "vitrail/cli/command.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/data/check.h"

namespace vitrail::cli {

int check_dataset_command(CLI::App& app, const Arguments& arguments) {
  std::string dataset;
  bool json = false;
  int threads = 2;
  app.add_option("NAME:PATH", dataset, "the data set; `vitrail list datasets` shows the names")->required();
  app.add_flag("--json", json, "print JSON");
  app.add_option("--threads", threads, "files read at a time")->check(CLI::Range(1, 256));
  parse(app, arguments);

  DatasetReport report;
  {
    Progress progress("check");
    report = check_dataset(dataset, {.threads = threads, .progress = [&](int64_t done, int64_t total) {
                                       progress.show(done, total);
                                       return true;
                                     }});
  }
  std::cout << (json ? to_json(report) : to_text(report)) << std::endl;
  return report.errors() > 0 ? 1 : 0;
}

}  // namespace vitrail::cli
