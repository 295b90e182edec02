// vitrail bench: how long each stage from a picture's file to its label PNG takes.

#include <chrono>
#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/peak_memory.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

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

/// What each round reads anew: a file, or bytes made here.
class Source {
 public:
  Source(const BenchOptions& options, const SemanticPredictor& predictor) : path_(options.image) {
    if (!path_.empty()) return;
    const Preprocessing& p = predictor.info().preprocessing;
    made_ = sample_jpeg(p.height > 0 ? p.height : 360, p.width > 0 ? p.width : 480);
  }
  std::string bytes() const { return path_.empty() ? made_ : read_file(path_); }
  std::string name() const { return path_.empty() ? "sample.jpg" : path_; }

 private:
  std::string path_, made_;
};

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        predictor_(load_model(options.model, options.info), predict_options(options.run)),
        source_(options, predictor_) {
    for (const ClassInfo& c : predictor_.info().classes)
      palette_.push_back(c.color);
  }

  const Source& source() const { return source_; }

  ImageSize round(Rounds* rounds) const {
    const Clock::time_point start = Clock::now();
    const std::string bytes = source_.bytes();
    const double read = seconds_since(start);
    PredictSeconds seconds;
    const LabelMap labels = predictor_.predict_file(bytes, source_.name(), &seconds);
    const Clock::time_point predicted = Clock::now();
    encode_label_map(labels, palette_);
    if (rounds) {
      const std::array values = {read + seconds.decode, seconds.preprocess, seconds.network,
                                 seconds.postprocess, seconds_since(predicted)};
      for (size_t i = 0; i < values.size(); ++i)
        rounds->stage[i].push_back(values[i]);
      rounds->whole.push_back(seconds_since(start));
    }
    return {labels.height, labels.width};
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
  SemanticPredictor predictor_;
  Source source_;
  std::vector<Rgb> palette_;
};

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
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--json", options.json, "print JSON");
  add_run_options(app, options.run);
  add_info_options(app, options.info);
  parse(app, arguments);

  const Clock::time_point start = Clock::now();
  const Bench bench(options);
  bench.round(nullptr);
  const double first = seconds_since(start);
  const Rounds rounds = bench.run();
  const Json report = report_of(options, bench, rounds, first);
  if (options.json)
    std::cout << report.dump(2) << std::endl;
  else
    print(report);
  return 0;
}

}  // namespace vitrail::cli
