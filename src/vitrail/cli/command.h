#pragma once
// A command of the program: `vitrail NAME ...`.
//
// Adding one: its file NAME_command.cpp, its function declared here, and a line in the table of main.cpp.
//
//   int list_command(CLI::App& app, const Arguments& arguments) {
//     bool json = false;
//     app.add_flag("--json", json, "print JSON on standard output, and nothing else there");
//     parse(app, arguments);          // --help and wrong arguments leave from here
//     ...
//     return 0;                       // the program's exit status
//   }
//
// A command prints its result on standard output and throws vitrail::Error for everything that goes wrong;
// main writes `vitrail: <text>` on standard error and exits 1, or 2 where the user's arguments were at fault
// (ErrorKind::usage).

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace vitrail::cli {

using Arguments = std::vector<std::string>;  ///< what follows the command's name

/// `app` comes with name and summary set, and shows the default of every option in its help.
using CommandFunction = int (*)(CLI::App& app, const Arguments& arguments);

struct Command {
  std::string name;
  std::string summary;  ///< one line, for `vitrail --help`
  CommandFunction run;
  bool computes = false;  ///< with several threads that wait for each other: see short_waits.h
};

/// How help is written: one line per option with its kind of value, what it does and [its default].
std::shared_ptr<CLI::FormatterBase> help_format();

/// Reads `arguments` into the variables bound to `app`. Throws CLI::CallForHelp for --help and
/// CLI::ParseError for wrong arguments, naming the nearest option for an unknown one; main answers both.
void parse(CLI::App& app, const Arguments& arguments);

/// Checks for numbers, `->check(between(0, 4096))`, whose errors say what was found and what is allowed.
CLI::Validator between(int64_t least, int64_t most);
CLI::Validator at_least(int64_t least);
CLI::Validator fraction();  ///< 0 to 1

int segment_command(CLI::App& app, const Arguments& arguments);
int evaluate_command(CLI::App& app, const Arguments& arguments);
int bench_command(CLI::App& app, const Arguments& arguments);
int inspect_command(CLI::App& app, const Arguments& arguments);
int export_command(CLI::App& app, const Arguments& arguments);
int adopt_command(CLI::App& app, const Arguments& arguments);
int quantize_command(CLI::App& app, const Arguments& arguments);
int list_command(CLI::App& app, const Arguments& arguments);
int check_dataset_command(CLI::App& app, const Arguments& arguments);
int doctor_command(CLI::App& app, const Arguments& arguments);
int train_command(CLI::App& app, const Arguments& arguments);  ///< built with VITRAIL_TRAIN only

}  // namespace vitrail::cli
