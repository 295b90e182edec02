#pragma once
// What `segment`, `evaluate`, `inspect` and `export` share: which model, how it is run, sizes and class
// lists.

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "vitrail/graph/model.h"
#include "vitrail/predict/semantic.h"

namespace vitrail::cli {

/// The metadata that a foreign ONNX file lacks, given on the command line.
struct InfoOptions {
  std::vector<double> mean, std;
  std::string order;
  std::string classes;  ///< names separated by commas, or how many
  int64_t multiple = 0;
};
void add_info_options(CLI::App& app, InfoOptions& options);

/// What `options` say, in place of what `info` says.
void apply_info(const InfoOptions& options, Model& model);
/// The model in `path` with what `options` say about it instead of what it says itself.
Model load_model(const std::string& path, const InfoOptions& options);

struct RunOptions {
  int64_t tile = 0, overlap = 64, memory_bytes = int64_t{2048} << 20;
  int threads = 0;
  std::string size;  ///< HxW that the network sees
  std::string precision = "f32";
};
void add_run_options(CLI::App& app, RunOptions& options);
PredictOptions predict_options(const RunOptions& options);

/// `--memory` of every command: MiB, or with a unit, as in 64MB and 2GB; `bytes` holds its default, `least`
/// what it must be at least.
CLI::Option* add_memory_option(CLI::App& app, int64_t& bytes, int64_t least, const std::string& what);

/// A network's name or a model file, as `inspect` and `export` take it.
struct SourceOptions {
  std::string source;
  std::string classes = "19";
  std::vector<std::string> set;
  std::string input;  ///< HxW
  uint64_t seed = 0;
  std::string pretrained;  ///< file of encoder weights, or the folder it is in
};

/// The model in a file, or the network of that name with fresh weights (from `seed`, the encoder's from
/// `pretrained`). Throws Error(usage) for options of a network that are given with a file.
Model open_source(const CLI::App& app, const SourceOptions& options);
bool is_model_file(const std::string& source);

/// "512x1024" as {height, width}. Throws Error(usage) naming `option`.
Pair parse_size(const std::string& text, const std::string& option);

/// "sky,road" as these names, "2" as "class 0", "class 1"; colours far apart.
std::vector<ClassInfo> parse_classes(const std::string& text);

}  // namespace vitrail::cli
