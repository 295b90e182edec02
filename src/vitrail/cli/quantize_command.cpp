// vitrail quantize: a float model as one of bytes, calibrated on pictures of a data set.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/image/resize.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/evaluate.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/quantize/quantize.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, dataset, out;
  std::string split = "train";
  std::string method = "auto";
  std::vector<std::string> keep;
  double percentile = 99.99, max_loss = 1;
  int64_t images = 64, measured = 64;
  uint64_t seed = 0;
  InfoOptions info;
  RunOptions run;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("MODEL", options.model, "model file: .onnx, or .safetensors from training")->required();
  app.add_option("--dataset", options.dataset, "NAME:PATH; `vitrail list datasets` shows the names")
      ->required();
  app.add_option("-o,--out", options.out, "the file to write, .onnx")->required();
  app.add_option("--split", options.split, "whose pictures are used, one or several joined by '+'");
  app.add_option("--images", options.images, "pictures to calibrate on")->check(between(1, 100000));
  app.add_option("--measured", options.measured,
                 "other pictures of the split to measure the mean IoU on; 0: quantise all, measure nothing")
      ->check(between(0, 100000));
  app.add_option("--max-loss", options.max_loss,
                 "points of mean IoU that may be lost on them; layers stay floats until it is met");
  app.add_option("--method", options.method,
                 "how a map's range is cut off: percentile, entropy, or auto (tried for each map)");
  app.add_option("--percentile", options.percentile, "of a map's values that its bytes reach");
  app.add_option("--keep", options.keep, "a convolution that stays floats; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--seed", options.seed, "draws the pictures");
  add_run_options(app, options.run);
  add_info_options(app, options.info);
}

// Some samples of a data set.
class Part : public Dataset {
 public:
  Part(const Dataset& whole, std::vector<int64_t> indices) : whole_(whole), indices_(std::move(indices)) {}

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  Sample load(int64_t index) const override { return whole_.load(at(index)); }
  std::string name(int64_t index) const override { return whole_.name(at(index)); }
  fs::path image_path(int64_t index) const override { return whole_.image_path(at(index)); }
  fs::path label_path(int64_t index) const override { return whole_.label_path(at(index)); }
  const std::vector<ClassInfo>& classes() const override { return whole_.classes(); }
  const std::map<int64_t, int64_t>& label_map() const override { return whole_.label_map(); }

 private:
  int64_t at(int64_t index) const { return indices_.at(static_cast<size_t>(index)); }

  const Dataset& whole_;
  std::vector<int64_t> indices_;
};

// Pictures to calibrate on, and others to measure on.
struct Parts {
  std::vector<int64_t> calibrated, measured;
};

Parts draw_parts(const Options& options, int64_t size) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  Random(options.seed).shuffle(order);
  if (size <= options.images && options.measured > 0)
    throw Error(ErrorKind::usage,
                {.where = "--images",
                 .found = cat(options.images, " of ", size, " pictures, which leaves none to measure on"),
                 .next = "Calibrate on fewer, or do not measure: --measured 0"});
  const auto first = order.begin() + std::min(options.images, size);
  const auto last = first + std::min<int64_t>(options.measured, order.end() - first);
  return {{order.begin(), first}, {first, last}};
}

std::string loss_text(const QuantizedModel& result, size_t measured) {
  if (!result.score_before) return "mean IoU not measured";
  return cat("mean IoU on other pictures (", measured, "): ", fixed(*result.score_before, 2), " before, ",
             fixed(*result.score_after, 2), " after");
}

void print_layers(const QuantizedModel& result) {
  size_t width = 5;
  for (const QuantizedLayer& layer : result.layers)
    width = std::max(width, layer.name.size());
  std::cout << aligned_left("layer", width) << "  signal/noise  computed with\n";
  for (const QuantizedLayer& layer : result.layers)
    std::cout << aligned_left(layer.name, width) << aligned_right(fixed(layer.noise_db, 1) + " dB", 14)
              << "  " << (layer.kept ? "floats: " + layer.reason : "bytes") << "\n";
}

class Scorer {
 public:
  Scorer(const Options& options, const Dataset& dataset)
      : options_(predict_options(options.run)), dataset_(dataset) {}

  double operator()(const Model& model) const {
    const SemanticPredictor predictor(model, options_);
    Progress progress("measure");
    const Evaluation evaluation =
        evaluate(predictor, dataset_, {.progress = [&](int64_t done, int64_t total) {
                   progress.show(done, total);
                   return true;
                 }});
    return 100 * scores(evaluation.matrix).mean_iou.value_or(0);
  }

 private:
  PredictOptions options_;
  const Dataset& dataset_;
};

Tensor network_input(const Model& model, const Image& image) {
  const Pair fixed_size = fixed_input_size(model);
  if (fixed_size[0] == 0) return preprocess(image, model.info.preprocessing);
  return preprocess(resize_image(image, fixed_size[0], fixed_size[1]), model.info.preprocessing);
}

}  // namespace

int quantize_command(CLI::App& app, const Arguments& arguments) {
  Options options;
  declare(app, options);
  parse(app, arguments);
  if (fs::path(options.out).extension() != ".onnx")
    throw Error(ErrorKind::usage,
                {.where = "--out", .found = options.out, .allowed = "a name that ends in .onnx"});

  const Model model = load_model(options.model, options.info);
  const SemanticPredictor checked(model, predict_options(options.run));  // before minutes of calibration
  const bool same = model.info.dataset == options.dataset.substr(0, options.dataset.find(':'));
  const auto dataset =
      open_dataset(options.dataset, options.split,
                   same ? DatasetOptions{.label_map = model.info.label_map} : DatasetOptions{});
  if (options.measured > 0) check_same_classes(model.info.classes, dataset->classes());
  const Parts parts = draw_parts(options, dataset->size());
  const Part measured(*dataset, parts.measured);
  const CalibrationSet inputs{static_cast<int64_t>(parts.calibrated.size()), [&](int64_t i) {
                                const Sample sample = dataset->load(parts.calibrated[static_cast<size_t>(i)]);
                                return network_input(model, sample.image);
                              }};

  QuantizeOptions quantize;
  quantize.method = calibration_method_from(options.method);
  quantize.percentile = options.percentile;
  quantize.keep = options.keep;
  quantize.max_loss = options.max_loss;
  quantize.engine = predict_options(options.run).engine;
  if (measured.size() > 0) quantize.score = Scorer(options, measured);
  Progress progress("calibrate");
  quantize.progress = [&](const std::string&, int64_t done, int64_t total) {
    progress.show(done, total);
    return true;
  };
  const QuantizedModel result = quantized(model, inputs, quantize);
  write_onnx(options.out, result.model);

  print_layers(result);
  const auto size_of_file = [](const std::string& path) {
    return with_unit(static_cast<double>(fs::file_size(path)), "B");
  };
  std::cout << "\n"
            << options.out << ": " << size_of_file(options.out) << ", before " << size_of_file(options.model)
            << "; calibrated on " << inputs.count << " pictures of " << options.split << "\n"
            << loss_text(result, parts.measured.size()) << std::endl;
  return 0;
}

}  // namespace vitrail::cli
