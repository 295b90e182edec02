// The program: a table from command name to what it does.

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/short_waits.h"

namespace {

using vitrail::cli::Arguments;
using vitrail::cli::Command;

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"segment", "Label the pixels or outline the objects of images, a video or a camera",
       vitrail::cli::segment_command, true},
#ifdef VITRAIL_TRAIN
      {"train", "Train a network as a recipe says", vitrail::cli::train_command, true},
#endif
      {"evaluate", "Measure a model on a split of a data set", vitrail::cli::evaluate_command, true},
      {"bench", "Time each stage from a picture's file to its result", vitrail::cli::bench_command, true},
      {"inspect", "Show a network's layers and what it costs", vitrail::cli::inspect_command, true},
      {"export", "Write a network or checkpoint as an ONNX file", vitrail::cli::export_command},
      {"adopt", "Copy an ONNX file from elsewhere with what it does not say about itself",
       vitrail::cli::adopt_command},
      {"quantize", "Compute with bytes: calibrate a float model on pictures of a data set",
       vitrail::cli::quantize_command, true},
      {"list", "List the networks, encoders, data sets and conventions by name", vitrail::cli::list_command},
      {"check-dataset", "Look for faults in a data set before training on it",
       vitrail::cli::check_dataset_command},
      {"doctor", "Check this machine and this build", vitrail::cli::doctor_command, true},
  };
  return table;
}

std::string usage() {
  std::string text =
      "Semantic and instance segmentation: train, evaluate, export and run.\n\nUsage: vitrail COMMAND "
      "...\n\n";
  for (const Command& command : commands())
    text +=
        vitrail::cat("  ", command.name, std::string(15 - command.name.size(), ' '), command.summary, "\n");
  return text +
         "\n`vitrail COMMAND --help` shows a command's options and their defaults; `vitrail --version` the "
         "version.\n";
}

int fail(const std::string& text, int status) {
  std::cerr << "vitrail: " << text << std::endl;
  return status;
}

const Command* find_command(const std::string& name) {
  for (const Command& command : commands())
    if (command.name == name) return &command;
  return nullptr;
}

std::string unknown_command(const std::string& name) {
#ifndef VITRAIL_TRAIN
  if (name == "train") return "this build has no training; configure with -DVITRAIL_TRAIN=ON";
#endif
  std::vector<std::string> names;
  for (const Command& command : commands())
    names.push_back(command.name);
  return vitrail::cat("unknown command '", name, "'. ", vitrail::did_you_mean(name, names));
}

int run_command(const Command& command, const Arguments& arguments) {
  CLI::App app(command.summary, "vitrail " + command.name);
  app.option_defaults()->always_capture_default();
  app.formatter(vitrail::cli::help_format());
  try {
    return command.run(app, arguments);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(vitrail::cat(command.name, ": ", error.what(), "\n`vitrail ", command.name,
                             " --help` shows its options."),
                2);
  }
}

int run(const Arguments& arguments, char** argv) {
  if (arguments.empty()) return fail("no command given\n\n" + usage(), 2);
  const std::string& name = arguments.front();
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (name == "--help" || name == "-h" || (name == "help" && rest.empty())) {
    std::cout << usage();
    return 0;
  }
  if (name == "--version") {
    std::cout << "vitrail " VITRAIL_VERSION "\n";
    return 0;
  }
  if (name == "help") return run({rest.front(), "--help"}, argv);
  const Command* command = find_command(name);
  if (!command) return fail(unknown_command(name), 2);
  if (command->computes) vitrail::cli::wait_shortly(argv);
  return run_command(*command, rest);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int status = run(Arguments(argv + 1, argv + argc), argv);
    std::cout.flush();
    return std::cout ? status : fail("standard output could not be written", 1);
  } catch (const vitrail::Error& error) {
    return fail(error.what(), error.kind() == vitrail::ErrorKind::usage ? 2 : 1);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}
