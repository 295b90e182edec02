// train_step NET: pictures per second of a whole training step (forward, loss, backward, optimiser) on random
// data, so that nothing of it waits for files.
//
//   train_step mobilenet-x0.5-fcn8 --batch 8 --crop 288x384 --threads 2
//   train_step fcn8s-resnet50 --batch 4 --crop 256x256 --json

#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "vitrail/base/peak_memory.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/losses.h"
#include "vitrail/train/module.h"
#include "vitrail/train/optimizer.h"
#include "vitrail/train/runtime.h"
#include "vitrail/weights/initialize.h"

namespace {

using namespace vitrail;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string net, crop = "288x384";
  int64_t classes = 11, batch = 8;
  int threads = 0, steps = 10;
  bool frozen_batch_norm = false, json = false;
};

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

/// Seconds by part of every counted step.
struct Times {
  std::vector<double> forward, backward, update, whole;
};

Times measure(const Options& options) {
  int height = 0, width = 0;
  char cross = 0;
  std::istringstream crop(options.crop);
  if (!(crop >> height >> cross >> width) || cross != 'x' || height < 1 || width < 1)
    throw std::runtime_error("--crop " + options.crop + ": HEIGHTxWIDTH is allowed");
  train::configure_runtime({.threads = options.threads});
  Model model = build_net(options.net, {.classes = options.classes});
  train::Module module(model.graph, initial_weights(model.graph, 1),
                       {.frozen_batch_norm = options.frozen_batch_norm, .upsample_in_loss = true});
  train::Optimizer optimizer(module.learnable(), {.momentum = 0.9, .weight_decay = 1e-4});
  const train::Loss loss({}, options.classes);
  const auto channels = static_cast<int64_t>(model.info.preprocessing.mean.size());
  const at::Tensor images =
      torch::randn({options.batch, channels, height, width}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor labels = torch::randint(options.classes, {options.batch, height, width}, torch::kLong);

  Times times;
  constexpr int warm_up = 2;
  for (int step = 0; step < warm_up + options.steps; ++step) {
    const auto start = Clock::now();
    module.set_dropout_seed(static_cast<uint64_t>(step));
    optimizer.zero_gradients();
    const train::LossValue value = loss(module.forward({images}), labels);
    const auto computed = Clock::now();
    value.total.backward();
    const auto derived = Clock::now();
    optimizer.step(1e-3);
    const auto end = Clock::now();
    if (step < warm_up) continue;
    times.forward.push_back(seconds_between(start, computed));
    times.backward.push_back(seconds_between(computed, derived));
    times.update.push_back(seconds_between(derived, end));
    times.whole.push_back(seconds_between(start, end));
  }
  return times;
}

void print(const Options& options, const Times& times) {
  const double whole = median(times.whole);
  const auto ms = [](const std::vector<double>& seconds) { return 1e3 * median(seconds); };
  if (options.json) {
    std::cout << nlohmann::ordered_json{{"net", options.net},
                                        {"batch", options.batch},
                                        {"crop", options.crop},
                                        {"threads", options.threads},
                                        {"steps", options.steps},
                                        {"forward_ms", ms(times.forward)},
                                        {"backward_ms", ms(times.backward)},
                                        {"update_ms", ms(times.update)},
                                        {"step_ms", ms(times.whole)},
                                        {"step_p95_ms", 1e3 * quantile(times.whole, 0.95)},
                                        {"images_per_second", static_cast<double>(options.batch) / whole},
                                        {"peak_bytes", peak_resident_bytes()}}
                     .dump(2)
              << std::endl;
    return;
  }
  std::cout << options.net << ", batch " << options.batch << " of " << options.crop << ": " << ms(times.whole)
            << " ms a step (forward " << ms(times.forward) << ", backward " << ms(times.backward)
            << ", update " << ms(times.update) << "), " << static_cast<double>(options.batch) / whole
            << " images/s, peak memory " << peak_resident_bytes() / 1000000 << " MB" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Times a training step of a registered network", "train_step");
  app.option_defaults()->always_capture_default();
  app.add_option("NET", options.net, "a network of `vitrail list nets`")->required();
  app.add_option("--batch", options.batch, "pictures of a step")->check(CLI::Range(1, 4096));
  app.add_option("--crop", options.crop, "HEIGHTxWIDTH of each");
  app.add_option("--classes", options.classes, "of the network")->check(CLI::Range(2, 255));
  app.add_option("--threads", options.threads, "0 = all cores")->check(CLI::Range(0, 4096));
  app.add_option("--steps", options.steps, "steps that count, after two that do not")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--frozen-batch-norm", options.frozen_batch_norm,
               "batch normalisation by its running statistics");
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    print(options, measure(options));
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "train_step: " << fault.what() << std::endl;
    return 1;
  }
}
