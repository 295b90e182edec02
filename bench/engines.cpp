// bench_engines: our engine beside ONNX Runtime, OpenCV and LibTorch, all in one run.
//
//   bench_engines --rounds 15 --out docs/results/engines.md
//   bench_engines --nets M1,M4 --threads 2 --contestants vitrail,onnxruntime

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <malloc.h>
#include <opencv2/core/version.hpp>
#include <unistd.h>

#include "bench/cases.h"
#include "bench/in_bytes.h"
#include "bench/line_process.h"
#include "bench/pipelines.h"
#include "bench/report.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/image/resize.h"
#include "vitrail/onnx/onnx.h"

#ifdef VITRAIL_TRAIN
#include <torch/version.h>
#endif

namespace vitrail::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> nets = case_keys();
  std::vector<std::string> contestants = {"vitrail", "int8", "onnxruntime", "opencv", "libtorch"};
  std::vector<int> threads = {2, 1};
  int rounds = 11;
  std::string out;
  std::string model = VITRAIL_SOURCE_DIR "/models/street.onnx";
  std::string picture = VITRAIL_SOURCE_DIR "/models/samples/street.jpg";

  bool has(const std::string& name) const {
    return std::find(contestants.begin(), contestants.end(), name) != contestants.end();
  }
};

class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / cat("vitrail-bench-", getpid())) {
    fs::create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Files write_files(const Case& net, const Scratch& scratch) {
  const Files files{scratch / (net.key + ".onnx"), scratch / (net.key + ".bin")};
  Model bare = net.model;
  bare.info.classes
      .clear();  // the graph ends in labels, which metadata of a segmentation model would contradict
  replace_file(files.onnx,
               onnx_bytes(bare, {.batch = net.input[0], .height = net.input[2], .width = net.input[3]}));
  const Tensor input = input_of(net);
  replace_file(files.input, {reinterpret_cast<const char*>(input.raw()), static_cast<size_t>(input.bytes())});
  return files;
}

struct Runner {
  Times times;
  std::unique_ptr<Contestant> contestant;
  double warm = 0;  ///< seconds of the last run that did not count
};

using Make = std::function<std::unique_ptr<Contestant>()>;

void enter(std::vector<Runner>& runners, const std::string& name, const Make& make) {
  Runner runner{.times = {.name = name, .ours = name.starts_with("Vitrail")}};
  try {
    runner.contestant = make();
    for (int i = 0; i < 2; ++i)
      runner.warm = runner.contestant->run();
  } catch (const std::exception& fault) {
    runner.contestant.reset();
    const std::string text = fault.what();
    runner.times.reason = text.substr(0, std::min<size_t>(text.find('\n'), 160));
  }
  runners.push_back(std::move(runner));
}

/// The share of `values` that lie within a share of the largest one of `expected`; 0: labels, which must be
/// equal.
double agreement(const std::vector<float>& values, const std::vector<float>& expected,
                 float share_of_largest) {
  if (values.size() != expected.size()) return 0;
  float largest = 0;
  for (const float value : expected)
    largest = std::max(largest, std::abs(value));
  const float tolerance = share_of_largest == 0 ? 0.5f : share_of_largest * largest;
  size_t same = 0;
  for (size_t i = 0; i < values.size(); ++i)
    same += std::abs(values[i] - expected[i]) <= tolerance;
  return static_cast<double>(same) / static_cast<double>(values.size());
}

/// Rounds of all in turn. A turn is a pause in which the threads of the one before come to rest, a run that
/// wakes the contestant's own and does not count, and runs that do: three of a short network, one of a long
/// one.
void race(std::vector<Runner>& runners, int rounds) {
  double fastest = 1e9;
  for (const Runner& runner : runners)
    if (runner.contestant) fastest = std::min(fastest, runner.warm);
  const int counted = fastest < 0.05 ? 3 : 1;
  for (int round = 0; round < rounds; ++round)
    for (Runner& runner : runners) {
      const bool slow = runner.warm > 4 * fastest && runner.warm > 0.2;
      if (!runner.contestant || (slow && round >= 3)) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      runner.contestant->run();
      for (int i = 0; i < counted; ++i)
        runner.times.seconds.push_back(runner.contestant->run());
    }
}

Row finish(const Case& net, int threads, std::vector<Runner>& runners, int rounds) {
  race(runners, rounds);
  Row row{net.key, net.title, threads, {}};
  const bool labels = net.key != "M4";
  const std::vector<float> ours =
      runners.at(0).contestant ? runners[0].contestant->outputs() : std::vector<float>{};
  for (Runner& runner : runners) {
    const float tolerance = labels ? 0 : runner.times.name == "Vitrail bf16" ? 1e-2f : 1e-3f;
    if (runner.contestant) runner.times.agreement = agreement(runner.contestant->outputs(), ours, tolerance);
    row.times.push_back(runner.times);
  }
  return row;
}

Row race_nets(const Options& options, const std::string& key, int threads, const Scratch& scratch) {
  const Case net = make_case(key);
  std::vector<Runner> runners;
  enter(runners, "Vitrail f32", [&] { return make_engine(net, threads, Precision::f32); });
  enter(runners, "Vitrail bf16", [&] { return make_engine(net, threads, Precision::bf16); });
  std::optional<Case> bytes;
  if (options.has("int8")) bytes = in_bytes(net);
  if (bytes) enter(runners, "Vitrail int8", [&] { return make_engine(*bytes, threads, Precision::f32); });
  if (options.has("onnxruntime"))
    enter(runners, "ONNX Runtime", [&] { return make_onnxruntime(net, write_files(net, scratch), threads); });
  if (bytes && options.has("onnxruntime"))
    enter(runners, "ONNX Runtime int8",
          [&] { return make_onnxruntime(*bytes, write_files(*bytes, scratch), threads); });
  if (options.has("opencv"))
    enter(runners, "OpenCV DNN", [&] { return make_opencv(net, write_files(net, scratch), threads); });
#ifdef VITRAIL_TRAIN
  if (options.has("libtorch")) {
    enter(runners, "LibTorch folded, channels last",
          [&] { return make_libtorch(net, TorchMode::eager, threads); });
    enter(runners, "LibTorch traced, frozen", [&] { return make_libtorch(net, TorchMode::frozen, threads); });
  }
#endif
  return finish(net, threads, runners, options.rounds);
}

Row race_pipelines(const Options& options, int threads, const Scratch& scratch) {
  constexpr int64_t height = 360, width = 480;
  const Case net = pipeline_case(options.model, height, width);
  PipelineFiles files{options.model, scratch / "street.jpg", scratch / "labels.png",
                      write_files(net, scratch)};
  write_jpeg(files.picture, resize_image(read_image(options.picture), height, width), 90);
  const Tensor input = preprocess(read_image(files.picture), net.model.info.preprocessing);
  replace_file(files.exported.input,
               {reinterpret_cast<const char*>(input.raw()), static_cast<size_t>(input.bytes())});
  std::vector<Runner> runners;
  enter(runners, "Vitrail f32", [&] { return make_own_pipeline(files, threads, Precision::f32); });
  enter(runners, "Vitrail bf16", [&] { return make_own_pipeline(files, threads, Precision::bf16); });
  if (options.has("onnxruntime"))
    enter(runners, "ONNX Runtime", [&] { return make_onnxruntime_pipeline(net, files, threads); });
  return finish(net, threads, runners, options.rounds);
}

/// Of a process that runs our engine and nothing else.
double peak_bytes(const std::string& key, int threads, const Scratch& scratch) {
  const Case net = make_case(key);
  const Files files = write_files(net, scratch);
  const fs::path program = fs::canonical("/proc/self/exe").parent_path() / "bench_alone";
  LineProcess process({program.string(), files.onnx, to_string(net.input), cat(threads)});
  return std::stod(process.read_line());
}

void add_peak_bytes(Report& report, const std::string& key, int threads, const Scratch& scratch) {
  try {
    report.peak_bytes.emplace_back(key, peak_bytes(key, threads, scratch));
  } catch (const Error& fault) {
    std::cerr << key << ": no peak memory: " << fault.what() << std::endl;
  }
}

std::vector<std::pair<std::string, std::string>> versions() {
  std::vector<std::pair<std::string, std::string>> list = {{"OpenCV", CV_VERSION}};
  const std::string package =
      read_file(VITRAIL_SOURCE_DIR "/tests/onnxruntime/node_modules/onnxruntime-node/package.json");
  const size_t at = package.find("\"version\": \"");
  if (at != std::string::npos)
    list.emplace_back("ONNX Runtime", package.substr(at + 12, package.find('"', at + 12) - at - 12));
#ifdef VITRAIL_TRAIN
  list.emplace_back("LibTorch", TORCH_VERSION);
#endif
  return list;
}

/// Fresh pages for every activation cost LibTorch several times the arithmetic.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
}

int run(const Options& options, const std::string& command) {
  const Scratch scratch;
  double load = 0;
  getloadavg(&load, 1);
  Report report{.command = command, .load_before = load, .versions = versions()};
  for (const int threads : options.threads) {
    for (const std::string& key : options.nets) {
      std::cerr << key << ", " << threads << " threads ..." << std::endl;
      report.rows.push_back(key == "street" ? race_pipelines(options, threads, scratch)
                                            : race_nets(options, key, threads, scratch));
    }
  }
  for (const std::string& key : options.nets)
    if (key != "street") add_peak_bytes(report, key, options.threads.at(0), scratch);
  const std::string text = markdown(report);
  std::cout << text;
  if (!options.out.empty()) write_file_atomically(options.out, text);
  return 0;
}

}  // namespace
}  // namespace vitrail::bench

int main(int argc, char** argv) {
  vitrail::bench::Options options;
  options.nets.push_back("street");
  CLI::App app("Our engine beside ONNX Runtime, OpenCV and LibTorch", "bench_engines");
  app.option_defaults()->always_capture_default()->delimiter(',');
  app.add_option("--nets", options.nets, "M1 M2 M3 M3J M4, and street: the whole pipeline");
  app.add_option("--contestants", options.contestants, "beside vitrail: int8 onnxruntime opencv libtorch");
  app.add_option("--threads", options.threads, "thread counts");
  app.add_option("--rounds", options.rounds, "rounds that count")->check(CLI::Range(1, 10000));
  app.add_option("--out", options.out, "Markdown file to write");
  CLI11_PARSE(app, argc, argv);
  vitrail::bench::keep_freed_memory();
  const char* waiting = std::getenv("OMP_WAIT_POLICY");
  std::string command =
      waiting ? vitrail::cat("OMP_WAIT_POLICY=", waiting, " bench_engines") : "bench_engines";
  for (int i = 1; i < argc; ++i)
    command += std::string(" ") + argv[i];
  try {
    return vitrail::bench::run(options, command);
  } catch (const std::exception& fault) {
    std::cerr << "bench_engines: " << fault.what() << std::endl;
    return 1;
  }
}
