// vitrail export: a network or checkpoint as an ONNX file.

#include <filesystem>
#include <iostream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/instance_options.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/end_to_end.h"

namespace vitrail::cli {
namespace {

struct Options {
  SourceOptions source;
  std::string out;
  int64_t batch = 0;
  bool half = false;
  bool end_to_end = false;
  InstanceOptions instances;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("FILE|NET", options.source.source,
                 "a .safetensors checkpoint, an .onnx file, or a network's name (then with fresh weights)")
      ->required();
  app.add_option("--out", options.out, "the file to write, .onnx")->required();
  app.add_option("--input", options.source.input, "fix the input to HEIGHTxWIDTH pixels; default: any size");
  app.add_option("--batch", options.batch, "fix the number of images; 0 = any")->check(between(0, 65536));
  app.add_flag("--half", options.half, "weights as 16-bit floats: half the bytes, computed in 32 bits");
  app.add_option("--classes", options.source.classes,
                 "for a NET: class names separated by commas, or how many");
  app.add_option("--set", options.source.set, "for a NET: key=value of its own options; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--seed", options.source.seed, "for a NET: seed of the fresh weights");
  app.add_option("--pretrained", options.source.pretrained,
                 "for a NET: .safetensors file of its encoder's weights, or the folder it is in");
  app.add_flag(
      "--end-to-end", options.end_to_end,
      "of an instance network (SSD, Mask R-CNN), one graph from the picture to masks: proposals, decoding, "
      "suppression, crops and pasting inside");
  add_instance_options(app, options.instances, 0.05);
}

Model end_to_end_of(const Options& options, const Model& model, const Pair& size) {
  if (options.batch > 1)
    throw Error(ErrorKind::usage, {.where = "--batch",
                                   .found = cat(options.batch, " with --end-to-end"),
                                   .allowed = "one picture at a time"});
  return end_to_end(model, size, instance_choice(options.instances, model.info));
}

/// --score and its like are built into a graph that chooses boxes; another one has no place for them.
void check_choice_options(const CLI::App& app, const Options& options) {
  for (const char* const name : {"--score", "--only", "--most"})
    if (!options.end_to_end && app.count(name) > 0)
      throw Error(ErrorKind::usage, {.where = name, .found = "given without --end-to-end"});
}

}  // namespace

int export_command(CLI::App& app, const Arguments& arguments) {
  Options options;
  declare(app, options);
  parse(app, arguments);
  if (std::filesystem::path(options.out).extension() != ".onnx")
    throw Error(ErrorKind::usage,
                {.where = "--out", .found = options.out, .allowed = "a name that ends in .onnx"});
  const Pair size = options.source.input.empty() ? Pair{0, 0} : parse_size(options.source.input, "--input");

  check_choice_options(app, options);
  Model model = open_source(app, options.source);
  if (options.end_to_end) {
    write_onnx(options.out, end_to_end_of(options, model, size), {.half_weights = options.half});
  } else {
    if (model.info.task == Task::semantic ||
        size[0] > 0) {  // detectors resize pictures to a size of their own
      model.info.preprocessing.height = size[0];
      model.info.preprocessing.width = size[1];
    }
    write_onnx(options.out, model,
               {.batch = options.batch, .height = size[0], .width = size[1], .half_weights = options.half});
  }
  std::cout << options.out << ": "
            << with_unit(static_cast<double>(std::filesystem::file_size(options.out)), "B") << std::endl;
  return 0;
}

}  // namespace vitrail::cli
