// vitrail adopt: a copy of an ONNX file from elsewhere that says what its input and its classes are.

#include <filesystem>
#include <iostream>
#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/base/utf8.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/weights/model_info.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, out, names, size, dataset;
  InfoOptions info;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("MODEL", options.model, "an .onnx file")->required();
  app.add_option("-o,--out", options.out, "the copy")->required();
  app.add_option("--names", options.names,
                 "file of class names, one per line by index; instead of --classes");
  app.add_option("--size", options.size,
                 "the network's only input size, HEIGHTxWIDTH; default: as the file says");
  app.add_option("--dataset", options.dataset, "what it was trained on, for people");
  add_info_options(app, options.info);
}

// "sky\nroad\n" as "sky,road".
std::string names_in(const std::string& path) {
  const std::string text = without_byte_order_mark(read_file(path, 1 << 20));
  if (!is_utf8(text))
    throw Error(ErrorKind::usage,
                {.where = path, .found = "bytes that are not UTF-8", .next = "Save the file as UTF-8"});
  std::istringstream lines(text);
  std::vector<std::string> names;
  int64_t number = 0, empty = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) {
      if (empty == 0) empty = number;
      continue;
    }
    if (empty > 0)  // left out, it would move every class after it to another index
      throw Error(ErrorKind::usage, {.where = cat(path, ":", empty),
                                     .found = "an empty line before other names",
                                     .allowed = "one name per line, by index",
                                     .next = "Name the class, or take the line out"});
    if (line.find(',') != std::string::npos)
      throw Error(ErrorKind::usage,
                  {.where = path, .found = cat("the name '", line, "'"), .allowed = "names without commas"});
    names.push_back(line);
  }
  return join(names, ",");
}

// Everything that is missing, at once.
void expect_described(const Options& options, const ModelInfo& info) {
  std::vector<std::string> missing;
  if (info.classes.empty() && options.info.classes.empty()) missing.emplace_back("--classes or --names");
  if (!is_described(info) && options.info.mean.empty()) missing.emplace_back("--mean");
  if (!is_described(info) && options.info.std.empty()) missing.emplace_back("--std");
  if (!missing.empty())
    throw Error(
        ErrorKind::usage,
        {.where = options.model,
         .found = "the file does not say how an image is prepared and what its classes are",
         .next = cat("Give ", join(missing, " and "),
                     " (means on the 0..255 scale; --mean 0,0,0 --std 255,255,255 for values of 0..1)")});
}

}  // namespace

int adopt_command(CLI::App& app, const Arguments& arguments) {
  Options options;
  declare(app, options);
  parse(app, arguments);
  if (fs::path(options.model).extension() != ".onnx")
    throw Error(ErrorKind::usage, {.where = options.model,
                                   .found = "not an ONNX file by its name",
                                   .allowed = ".onnx",
                                   .next = "`vitrail export` writes checkpoints as ONNX files"});
  if (!options.names.empty()) {
    if (!options.info.classes.empty())
      throw Error(ErrorKind::usage, {.found = "--classes and --names", .allowed = "one of them"});
    options.info.classes = names_in(options.names);
  }
  Model model = read_model(options.model);
  expect_described(options, model.info);
  apply_info(options.info, model);
  if (!options.dataset.empty()) model.info.dataset = options.dataset;
  if (!options.size.empty()) {
    const Pair size = parse_size(options.size, "--size");
    model.info.preprocessing.height = size[0];
    model.info.preprocessing.width = size[1];
  }
  const ModelInfo info = model.info;
  const SemanticPredictor checked(std::move(model));  // what is said fits the network
  write_file_atomically(options.out, onnx_with_info(options.model, info));
  std::cout << options.out << ": " << info.classes.size() << " classes; `vitrail segment " << options.out
            << " IMAGE --out FOLDER` needs no flags now\n";
  return 0;
}

}  // namespace vitrail::cli
