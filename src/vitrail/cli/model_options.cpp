#include "vitrail/cli/model_options.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/image/palette.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/pretrained.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t largest_side = 1 << 20;
constexpr int64_t most_memory = int64_t{1} << 50;

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    parts.push_back(part);
  return parts;
}

ChannelOrder parse_order(const std::string& text) {
  if (text == "rgb") return ChannelOrder::rgb;
  if (text == "bgr") return ChannelOrder::bgr;
  if (text == "grey") return ChannelOrder::grey;
  throw Error(ErrorKind::usage, {.where = "--order", .found = text, .allowed = "rgb, bgr or grey"});
}

std::map<std::string, std::string> parse_settings(const std::vector<std::string>& settings) {
  std::map<std::string, std::string> set;
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::usage, {.where = "--set", .found = setting, .allowed = "key=value"});
    set[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return set;
}

/// The file of `net`'s encoder, which may be given by the folder it is in.
fs::path pretrained_file(const std::string& place, const std::string& net) {
  if (!fs::is_directory(place)) return place;
  const std::string name = find_net(net).pretrained;
  const fs::path file = fs::path(place) / name;
  if (!name.empty() && fs::is_regular_file(file)) return file;
  throw Error(ErrorKind::file,
              {.where = place,
               .found = name.empty() ? cat("no file is known for the encoder of ", net)
                                     : cat("there is no ", name, " for ", net),
               .next = "Name the file; `vitrail list encoders` says which belongs to which"});
}

Model fresh_net(const SourceOptions& options) {
  const std::vector<ClassInfo> classes = parse_classes(options.classes);
  Model model = build_net(
      options.source, {.classes = static_cast<int64_t>(classes.size()), .set = parse_settings(options.set)});
  model.info.classes = classes;
  model.weights = initial_weights(model.graph, options.seed);
  if (!options.pretrained.empty()) {
    PretrainedOptions pretrained;
    for (const ClassInfo& c : classes)
      pretrained.classes.push_back(c.name);
    const fs::path file = pretrained_file(options.pretrained, options.source);
    for (const auto& [name, tensor] : load_pretrained(file, model.graph, pretrained).weights)
      model.weights[name] = tensor;
  }
  return model;
}

}  // namespace

void add_info_options(CLI::App& app, InfoOptions& options) {
  const std::string group = "What a file from elsewhere does not say";
  app.add_option("--classes", options.classes,
                 "class names by index, separated by commas, or how many there are; unless said, with --mean "
                 "and --std "
                 "given, as many as the network has channels")
      ->group(group);
  app.add_option("--mean", options.mean, "mean per channel, 0..255 scale: 123.7,116.3,103.5")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--std", options.std, "standard deviation per channel, 0..255 scale: 58.4,57.1,57.4")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--order", options.order, "channel order: rgb, bgr or grey")->group(group);
  app.add_option("--multiple", options.multiple,
                 "pad height and width to a multiple of this; 0 = as the file says")
      ->group(group);
}

namespace {

[[noreturn]] void refuse_to_count_classes(const Graph& graph) {
  std::vector<std::string> outputs;
  for (const Output& output : graph.outputs())
    outputs.push_back(cat(output.name, " ", to_string(graph.shape(output.value))));
  throw Error(ErrorKind::usage,
              {.where = "the network's classes",
               .found = cat("no output with as many channels as there are classes: ", join(outputs)),
               .allowed = "scores N x classes x h x w, 255 classes at most",
               .next = "Name them with --classes; a network that says one thing about a whole picture "
                       "segments nothing"});
}

// How many classes the first output that can be N x classes x h x w (or N x h x w x classes) tells apart; 0
// where none says so.
int64_t count_classes(const Graph& graph) {
  for (const Output& output : graph.outputs()) {
    const Shape& shape = graph.shape(output.value);
    if (output.training_only || shape.size() != 4 || graph.type(output.value) != DataType::f32) continue;
    const int64_t channels = shape[1] > 0 ? shape[1] : shape[3];
    if (channels > 0 && channels <= 255) return std::max<int64_t>(channels, 2);
  }
  return 0;
}

}  // namespace

void apply_info(const InfoOptions& options, Model& model) {
  ModelInfo& info = model.info;
  if (options.multiple < 0 || options.multiple > largest_side)
    throw Error(ErrorKind::usage,
                {.where = "--multiple", .found = cat(options.multiple), .allowed = "1 to 1048576"});
  Preprocessing& p = info.preprocessing;
  if (!options.classes.empty()) info.classes = parse_classes(options.classes);
  if (!options.mean.empty()) p.mean = options.mean;
  if (!options.std.empty()) p.std = options.std;
  if (!options.order.empty()) p.order = parse_order(options.order);
  if (options.multiple > 0) p.multiple = options.multiple;
  if (info.classes.empty() && !options.mean.empty() && !options.std.empty()) {
    const int64_t count = count_classes(model.graph);
    if (count == 0) {
      expect_image(model.graph);
      refuse_to_count_classes(model.graph);
    }
    info.classes = parse_classes(cat(count));
  }
}

Model load_model(const std::string& path, const InfoOptions& options) {
  Model model = read_model(path);
  apply_info(options, model);
  return model;
}

void add_run_options(CLI::App& app, RunOptions& options) {
  app.add_option("--tile", options.tile,
                 "side of tiles in pixels for large images; 0 = whole, while memory allows")
      ->check(between(0, largest_side));
  app.add_option("--overlap", options.overlap, "pixels that neighbouring tiles share")
      ->check(between(0, largest_side));
  add_memory_option(app, options.memory_bytes, 1,
                    "MiB (or with a unit: 2GB) one image may take before it is cut into tiles");
  app.add_option("--size", options.size,
                 "HEIGHTxWIDTH that pictures are resized to for the network; unless said, none");
  app.add_option(
         "--precision", options.precision,
         "f32, or bf16: up to twice as fast where the processor has it (else f32), labels nearly the same")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_option("--threads", options.threads, "threads; 0 = all cores")->check(between(0, 4096));
}

CLI::Option* add_memory_option(CLI::App& app, int64_t& bytes, int64_t least, const std::string& what) {
  const auto to_bytes = [least](std::string& text) -> std::string {
    const size_t unit_at = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = whole_number(text.substr(0, unit_at));
    static const std::map<std::string, int> shift_of = {{"", 20},   {"B", 0},    {"KB", 10}, {"KiB", 10},
                                                        {"MB", 20}, {"MiB", 20}, {"GB", 30}, {"GiB", 30}};
    const auto shift = shift_of.find(text.substr(unit_at));
    if (!number || *number < least || shift == shift_of.end() || *number > most_memory >> shift->second)
      return cat("'", text, "'; MiB, or a whole number with B, KB, MB or GB, such as 64MB; ", least,
                 " at least");
    text = std::to_string(*number << shift->second);
    return {};
  };
  return app.add_option("--memory", bytes, what)
      ->transform(CLI::Validator(to_bytes, ""))
      ->default_str(std::to_string(bytes >> 20));
}

PredictOptions predict_options(const RunOptions& options) {
  return {.engine = {.threads = options.threads,
                     .precision = options.precision == "bf16" ? Precision::bf16 : Precision::f32},
          .tile = options.tile,
          .memory_bytes = options.memory_bytes,
          .overlap = options.overlap,
          .input_size = options.size.empty() ? Pair{0, 0} : parse_size(options.size, "--size")};
}

bool is_model_file(const std::string& source) {
  const std::string extension = fs::path(source).extension().string();
  return extension == ".onnx" || extension == ".safetensors" || fs::is_regular_file(source);
}

Model open_source(const CLI::App& app, const SourceOptions& options) {
  if (!is_model_file(options.source)) return fresh_net(options);
  for (const char* const name : {"--classes", "--set", "--seed", "--pretrained"})
    if (const CLI::Option* option = app.get_option_no_throw(name); option != nullptr && option->count() > 0)
      throw Error(ErrorKind::usage,
                  {.where = options.source,
                   .found = cat(name, " with a model file"),
                   .allowed = "it is for networks by name; a file has its own classes, weights and options"});
  return read_model(options.source);
}

Pair parse_size(const std::string& text, const std::string& option) {
  const std::vector<std::string> parts = split(text, 'x');
  const auto height = parts.size() == 2 ? whole_number(parts[0]) : std::nullopt;
  const auto width = parts.size() == 2 ? whole_number(parts[1]) : std::nullopt;
  if (!height || !width || *height < 1 || *width < 1 || std::max(*height, *width) > largest_side)
    throw Error(ErrorKind::usage, {.where = option,
                                   .found = cat("'", text, "'"),
                                   .allowed = "HEIGHTxWIDTH in pixels, such as 512x1024, each 1 to 1048576"});
  return {*height, *width};
}

std::vector<ClassInfo> parse_classes(const std::string& text) {
  std::vector<std::string> names;
  if (const auto count = whole_number(text)) {
    if (*count < 1 || *count > 255)
      throw Error(ErrorKind::usage, {.where = "--classes", .found = text, .allowed = "1 to 255 classes"});
    for (int64_t i = 0; i < *count; ++i)
      names.push_back(cat("class ", i));
  } else {
    names = split(text, ',');
  }
  if (names.empty() || names.size() > 255 || std::find(names.begin(), names.end(), "") != names.end())
    throw Error(ErrorKind::usage, {.where = "--classes",
                                   .found = cat("'", text, "'"),
                                   .allowed = "1 to 255 names separated by commas, or their number"});
  const std::vector<Rgb> colors = distinct_palette(static_cast<int64_t>(names.size()));
  std::vector<ClassInfo> classes;
  for (size_t i = 0; i < names.size(); ++i)
    classes.push_back({names[i], colors[i]});
  return classes;
}

}  // namespace vitrail::cli
