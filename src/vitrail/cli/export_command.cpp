// vitrail export: a network or checkpoint as an ONNX file.

#include <filesystem>
#include <iostream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail::cli {
namespace {

struct Options {
  SourceOptions source;
  std::string out;
  int64_t batch = 0;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("FILE|NET", options.source.source,
                 "a .safetensors checkpoint, an .onnx file, or a network's name (then with fresh weights)")
      ->required();
  app.add_option("--out", options.out, "the file to write, .onnx")->required();
  app.add_option("--input", options.source.input, "fix the input to HEIGHTxWIDTH pixels; default: any size");
  app.add_option("--batch", options.batch, "fix the number of images; 0 = any")->check(CLI::Range(0, 65536));
  app.add_option("--classes", options.source.classes,
                 "for a NET: class names separated by commas, or how many");
  app.add_option("--set", options.source.set, "for a NET: key=value of its own options; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--seed", options.source.seed, "for a NET: seed of the fresh weights");
  app.add_option("--pretrained", options.source.pretrained,
                 "for a NET: .safetensors file of its encoder's weights");
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

  Model model = open_source(options.source);
  model.info.preprocessing.height = size[0];
  model.info.preprocessing.width = size[1];
  write_onnx(options.out, model, {.batch = options.batch, .height = size[0], .width = size[1]});
  std::cout << options.out << ": "
            << with_unit(static_cast<double>(std::filesystem::file_size(options.out)), "B") << std::endl;
  return 0;
}

}  // namespace vitrail::cli
