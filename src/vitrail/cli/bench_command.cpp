// vitrail bench: how long each stage from a picture's file to its label PNG takes, or to its objects' JSON.

#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/peak_memory.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/coco_results.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/instance_options.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/predict/model_file.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct BenchOptions {
  std::string model, image;
  int64_t rounds = 30;
  bool json = false;
  InfoOptions info;
  RunOptions run;
  InstanceOptions instances;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr std::array stages = {"decode", "preprocess", "network", "postprocess", "encode"};

/// Seconds by stage, and of the whole, of every round.
struct Rounds {
  std::array<std::vector<double>, stages.size()> stage;
  std::vector<double> whole;
  ImageSize size;
};

/// Waves and edges: it compresses about as a photo does.
std::string sample_jpeg(int64_t height, int64_t width) {
  Image image(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const auto u = static_cast<double>(x), v = static_cast<double>(y);
        const double wave = 60 * std::sin(0.02 * u + static_cast<double>(c)) * std::cos(0.03 * v);
        const double texture = 12 * std::sin(0.9 * u) * std::sin(1.1 * v);
        const double edge = ((x / 90 + y / 70) % 2 != 0) ? 25 : -25;
        image.at(y, x)[c] = static_cast<uint8_t>(128 + wave + texture + edge);
      }
  return encode_jpeg(image, 90);
}

/// A model of either task. What a picture's bytes become comes back as what encodes it.
struct Subject {
  Preprocessing preprocessing;
  std::function<std::function<void()>(const std::string& bytes, const std::string& name,
                                      PredictSeconds& seconds, ImageSize& size)>
      predict;
};

/// A file's picture for a network of `channels`: those that it has, as often as it takes.
Image repeated_channels(const Image& image, int64_t channels) {
  Image wide(image.height, image.width, channels);
  for (size_t i = 0; i < wide.pixels.size(); ++i) {
    const size_t pixel = i / static_cast<size_t>(channels), c = i % static_cast<size_t>(channels);
    wide.pixels[i] =
        image.pixels[pixel * static_cast<size_t>(image.channels) + c % static_cast<size_t>(image.channels)];
  }
  return wide;
}

Subject semantic_subject(Model model, const PredictOptions& options) {
  std::vector<Rgb> palette;
  for (const ClassInfo& c : model.info.classes)
    palette.push_back(c.color);
  const auto predictor = std::make_shared<SemanticPredictor>(std::move(model), options);
  return {predictor->info().preprocessing,
          [=](const std::string& bytes, const std::string& name, PredictSeconds& seconds, ImageSize& size) {
            const int64_t channels = std::ssize(predictor->info().preprocessing.mean);
            LabelMap labels = channels == 1 || channels == 3
                                  ? predictor->predict_file(bytes, name, &seconds)
                                  : predictor->predict(
                                        repeated_channels(image_from_bytes(bytes, name), channels), &seconds);
            size = {labels.height, labels.width};
            return [=, labels = std::move(labels)] { encode_label_map(labels, palette); };
          }};
}

Subject instance_subject(Model model, const PredictOptions& options, const InstanceChoice& choice) {
  const auto predictor = std::make_shared<InstancePredictor>(std::move(model), options, choice);
  return {predictor->info().preprocessing,
          [=](const std::string& bytes, const std::string& name, PredictSeconds& seconds, ImageSize& size) {
            return [found = predictor->predict_file(bytes, name, &seconds, &size)] {
              std::vector<CocoResult> results;
              for (const FoundInstance& instance : found)
                results.push_back(coco_result(instance, 1, instance.class_index + 1));
              coco_results_json(results);
            };
          }};
}

/// What each round reads anew: a file, or bytes made here.
class Source {
 public:
  Source(const BenchOptions& options, const Preprocessing& p) : path_(options.image) {
    if (!path_.empty()) return;
    made_ = sample_jpeg(p.height > 0 ? p.height : 360, p.width > 0 ? p.width : 480);
  }
  std::string bytes() const { return path_.empty() ? made_ : read_file(path_); }
  std::string name() const { return path_.empty() ? "sample.jpg" : path_; }

 private:
  std::string path_, made_;
};

class Bench {
 public:
  Bench(const BenchOptions& options, Subject subject)
      : options_(options), subject_(std::move(subject)), source_(options, subject_.preprocessing) {}

  const Source& source() const { return source_; }

  ImageSize round(Rounds* rounds) const {
    const Clock::time_point start = Clock::now();
    const std::string bytes = source_.bytes();
    const double read = seconds_since(start);
    PredictSeconds seconds;
    ImageSize size;
    const std::function<void()> encode = subject_.predict(bytes, source_.name(), seconds, size);
    const Clock::time_point predicted = Clock::now();
    encode();
    if (rounds) {
      const std::array values = {read + seconds.decode, seconds.preprocess, seconds.network,
                                 seconds.postprocess, seconds_since(predicted)};
      for (size_t i = 0; i < values.size(); ++i)
        rounds->stage[i].push_back(values[i]);
      rounds->whole.push_back(seconds_since(start));
    }
    return size;
  }

  Rounds run() const {
    constexpr int64_t warm_up = 3;
    Rounds rounds;
    for (int64_t i = 0; i < warm_up; ++i)
      rounds.size = round(nullptr);
    for (int64_t i = 0; i < options_.rounds; ++i)
      round(&rounds);
    return rounds;
  }

 private:
  const BenchOptions& options_;
  Subject subject_;
  Source source_;
};

Subject open_subject(const BenchOptions& options, const CLI::App& app) {
  Model model = read_model(options.model);
  check_task_options(app, model.info.task);
  apply_info(options.info, model);
  if (model.info.task == Task::semantic)
    return semantic_subject(std::move(model), predict_options(options.run));
  const InstanceChoice choice = instance_choice(options.instances, model.info);
  return instance_subject(std::move(model), predict_options(options.run), choice);
}

Json summary(const std::vector<double>& seconds, double whole) {
  const double middle = median(seconds);
  return {{"median_ms", 1e3 * middle},
          {"p95_ms", 1e3 * quantile(seconds, 0.95)},
          {"share", whole > 0 ? middle / whole : 0}};
}

Json report_of(const BenchOptions& options, const Bench& bench, const Rounds& rounds, double first) {
  double sum = 0;
  for (const std::vector<double>& seconds : rounds.stage)
    sum += median(seconds);
  Json report = {{"model", options.model},         {"image", bench.source().name()},
                 {"height", rounds.size.height},   {"width", rounds.size.width},
                 {"threads", options.run.threads}, {"rounds", options.rounds}};
  for (size_t i = 0; i < stages.size(); ++i)
    report["stages"][stages[i]] = summary(rounds.stage[i], sum);
  report["whole"] = summary(rounds.whole, median(rounds.whole));
  report["images_per_second"] = 1 / median(rounds.whole);
  report["first_mask_ms"] = 1e3 * first;
  report["peak_bytes"] = peak_resident_bytes();
  return report;
}

void print_row(const std::string& name, const Json& row) {
  std::cout << aligned_left(name, 12) << aligned_right(fixed(row["median_ms"], 3), 10)
            << aligned_right(fixed(row["p95_ms"], 3), 10)
            << aligned_right(fixed(100 * row["share"].get<double>(), 1), 9) << "\n";
}

void print(const Json& report) {
  std::cout << report["model"].get<std::string>() << ", " << report["image"].get<std::string>() << " ("
            << report["width"] << "x" << report["height"] << "), " << report["rounds"] << " rounds\n"
            << "stage         median ms    p95 ms  share %\n";
  for (const auto& [name, row] : report["stages"].items())
    print_row(name, row);
  print_row("whole", report["whole"]);
  std::cout << fixed(report["images_per_second"], 1) << " images/s; first mask after "
            << fixed(report["first_mask_ms"], 0) << " ms; peak memory "
            << with_unit(report["peak_bytes"].get<double>(), "B") << std::endl;
}

}  // namespace

int bench_command(CLI::App& app, const Arguments& arguments) {
  BenchOptions options;
  app.add_option("MODEL", options.model, "model file: .onnx, or .safetensors from training")->required();
  app.add_option("--image", options.image, "picture; unless said, a JPEG made for it");
  app.add_option("--rounds", options.rounds, "rounds that count, after three that do not")
      ->check(between(1, 1000000));
  app.add_flag("--json", options.json, "print JSON");
  add_run_options(app, options.run);
  add_info_options(app, options.info);
  add_instance_options(app, options.instances, 0.5);
  parse(app, arguments);

  const Clock::time_point start = Clock::now();
  const Bench bench(options, open_subject(options, app));
  bench.round(nullptr);
  const double first = seconds_since(start);
  const Rounds rounds = bench.run();
  const Json report = report_of(options, bench, rounds, first);
  if (options.json)
    print_json(report);
  else
    print(report);
  return 0;
}

}  // namespace vitrail::cli
