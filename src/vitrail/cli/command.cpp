#include "vitrail/cli/command.h"

#include "vitrail/base/text.h"

namespace vitrail::cli {
namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

}  // namespace

void parse(CLI::App& app, const Arguments& arguments) {
  app.allow_extras();
  app.parse(Arguments(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the back
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  const std::string& first = extras.front();
  if (first.starts_with("-"))
    throw CLI::ExtrasError(cat("unknown option '", first, "'. ", did_you_mean(first, option_names(app))),
                           CLI::ExitCodes::ExtrasError);
  throw CLI::ExtrasError(cat("unexpected argument '", first, "'"), CLI::ExitCodes::ExtrasError);
}

}  // namespace vitrail::cli
