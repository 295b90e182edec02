// bench_fastfcn: FastFCN's Table 2 as ratios. What joint pyramid upsampling saves against a dilated encoder,
// per head and encoder, at 512x512 and 59 classes: pictures per second in our engine and in LibTorch,
// multiply-adds, bytes of activations. All of one encoder in one run, its rounds interleaved.
//
//   bench_fastfcn --rounds 7 --out docs/results/fastfcn.md
//   bench_fastfcn --depths 50 --rounds 3

#include <ctime>
#include <iostream>

#include <CLI/CLI.hpp>

#include "bench/contestant.h"
#include "bench/report.h"
#include "vitrail/base/file.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/cost.h"
#include "vitrail/nets/registry.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::bench {
namespace {

constexpr int64_t classes = 59, side = 512;

struct Options {
  std::vector<int> depths = {50, 101};
  int rounds = 7, threads = 2;
  std::string out, command;
};

/// A line of the table: what it is compared with comes first in its group.
struct Line {
  std::string head, upsampling, net;
};

std::vector<Line> lines(int depth) {
  const std::string r = cat("resnet", depth);
  return {
      {"Encoding", "dilated", "encnet-" + r + "-os8"}, {"Encoding", "bilinear", "encnet-" + r + "-bilinear"},
      {"Encoding", "FPN", "encnet-" + r + "-fpn"},     {"Encoding", "JPU", "fastfcn-enc-" + r},
      {"ASPP", "dilated", "aspp-" + r + "-os8"},       {"ASPP", "JPU", "fastfcn-aspp-" + r},
      {"PSP", "dilated", "psp-" + r + "-os8"},         {"PSP", "JPU", "fastfcn-psp-" + r}};
}

struct Measured {
  Line line;
  Cost cost;
  std::unique_ptr<Contestant> engine, libtorch;
  std::vector<double> engine_seconds, libtorch_seconds;
};

Measured enter(const Line& line, int threads) {
  Case net{.key = line.net,
           .title = line.net,
           .model = build_net(line.net, {.classes = classes}),
           .input = {1, 3, side, side}};
  net.model.weights = initial_weights(net.model.graph, 1);
  net.model.graph = net.model.graph.for_inference();
  return {.line = line,
          .cost = cost_of(net.model.graph, net.input),
          .engine = make_engine(net, threads, Precision::f32),
          .libtorch = make_libtorch(net, TorchMode::eager, threads)};
}

std::string row(const Measured& net, const Measured& base) {
  const auto ratio = [](const std::vector<double>& slow, const std::vector<double>& fast) {
    return cat(fixed(quantile(slow, 0.5) / quantile(fast, 0.5), 2), "x");
  };
  const auto milliseconds = [](const std::vector<double>& seconds) {
    return fixed(1000 * quantile(seconds, 0.5), 0);
  };
  return cat(
      "| ", net.line.head, " | ", net.line.upsampling, " | ",
      fixed(static_cast<double>(net.cost.multiply_adds) / 1e9, 1), " G | ",
      fixed(static_cast<double>(base.cost.multiply_adds) / static_cast<double>(net.cost.multiply_adds), 2),
      "x | ", fixed(static_cast<double>(net.cost.activation_bytes) / 1e6, 0), " MB | ",
      milliseconds(net.engine_seconds), " | ", ratio(base.engine_seconds, net.engine_seconds), " | ",
      milliseconds(net.libtorch_seconds), " | ", ratio(base.libtorch_seconds, net.libtorch_seconds), " |\n");
}

std::string table(int depth, const Options& options) {
  std::vector<Measured> nets;
  for (const Line& line : lines(depth))
    nets.push_back(enter(line, options.threads));
  for (int round = -1; round < options.rounds; ++round)  // the first one compiles and warms up
    for (Measured& net : nets) {
      const double ours = net.engine->run(), theirs = net.libtorch->run();
      if (round < 0) continue;
      net.engine_seconds.push_back(ours);
      net.libtorch_seconds.push_back(theirs);
      std::cerr << "." << std::flush;
    }
  std::string text =
      cat("## ResNet-", depth,
          "\n\n| head | stride 8 by | multiply-adds | fewer | activations | engine ms | faster | LibTorch "
          "ms | faster |\n|---|---|---|---|---|---|---|---|---|\n");
  const Measured* base = nullptr;
  for (const Measured& net : nets) {
    if (net.line.upsampling == "dilated") base = &net;
    text += row(net, *base);
  }
  return text + "\n";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

std::string report(const Options& options) {
  std::string text = cat("# FastFCN's Table 2 here\n\nInference at ", side, "x", side, ", ", classes,
                         " classes, batch 1, without auxiliary heads; medians of ", options.rounds,
                         " interleaved rounds, ", options.threads,
                         " threads, f32. \"Faster\" and \"fewer\" are against the dilated encoder of the "
                         "same head. LibTorch: eager, batch "
                         "normalisation folded, channels-last.\n\n    ",
                         options.command, "\n\n", machine(), "; ", today(), "\n\n");
  for (const int depth : options.depths)
    text += table(depth, options);
  return text;
}

}  // namespace
}  // namespace vitrail::bench

int main(int argc, char** argv) {
  using namespace vitrail;
  bench::Options options;
  CLI::App app("FastFCN's Table 2 as ratios");
  app.add_option("--depths", options.depths, "of the ResNet: 50, 101")
      ->delimiter(',')
      ->check(CLI::IsMember({50, 101}));
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000));
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 256));
  app.add_option("--out", options.out, "also write the tables here");
  CLI11_PARSE(app, argc, argv);
  options.command = cat("bench_fastfcn --rounds ", options.rounds, " --threads ", options.threads);
  try {
    const std::string text = bench::report(options);
    std::cout << text;
    if (!options.out.empty()) write_file_atomically(options.out, text);
  } catch (const std::exception& error) {
    std::cerr << "bench_fastfcn: " << error.what() << "\n";
    return 1;
  }
}
