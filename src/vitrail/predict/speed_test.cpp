// Guards against slowdowns that nobody would see in results: a convolution that falls to a reference kernel,
// a tail that is no longer fused. Speeds are shares of what this very machine can do, measured in the same
// process and in the thread's own time, so that neither the machine nor its other work matters; the bounds
// are a third of what is usual.

#include <algorithm>
#include <ctime>

#include <gtest/gtest.h>

#include "vitrail/base/kernel.h"
#include "vitrail/base/random.h"
#include "vitrail/graph/cost.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

typedef float Lanes __attribute__((vector_size(64)));

/// Sixteen chains of multiply-adds, enough to hide their latency.
VITRAIL_KERNEL float multiply_add_chains(int64_t rounds, float factor) {
  Lanes sums[16];
  for (int i = 0; i < 16; ++i)
    sums[i] = Lanes{} + static_cast<float>(i);
  const Lanes multiplier = Lanes{} + factor;
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i)
      sums[i] = sums[i] * multiplier + multiplier;
  }
  Lanes all{};
  for (const Lanes& sum : sums)
    all += sum;
  return all[0] + all[7];
}

/// Least thread seconds of several runs.
template <class Work>
double least_seconds(int runs, const Work& work) {
  double least = 1e9;
  for (int run = 0; run < runs; ++run) {
    const double start = thread_seconds();
    work();
    least = std::min(least, thread_seconds() - start);
  }
  return least;
}

/// Multiply-adds per second of one thread that does nothing else.
double peak() {
  constexpr int64_t rounds = 200000;
  volatile float factor = 0.5f, sink = 0;
  const double seconds = least_seconds(9, [&] { sink = multiply_add_chains(rounds, factor); });
  return static_cast<double>(rounds * 16 * 16) / seconds;
}

Model small_street_model() {
  Model model = build_net("mobilenet-x0.5-os8", {.classes = 11});
  model.weights = initial_weights(model.graph, 1);
  for (int i = 0; i < 11; ++i)
    model.info.classes.push_back({"class " + std::to_string(i), {}});
  return model;
}

constexpr int64_t height = 192, width = 256;

bool is_measurable() {
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

TEST(Speed, TheNetworkReachesItsShareOfTheMachine) {
  if (!is_measurable()) GTEST_SKIP() << "speeds of an instrumented or unoptimised build mean nothing";
  const Model model = small_street_model();
  const PredictionGraph prediction = prediction_graph(model, Ending::labels);
  const Engine engine(prediction.graph, prediction.weights, {.threads = 1});
  const Tensor input = Tensor::zeros(DataType::f32, {1, 3, height, width});
  engine.run({input});
  const double seconds = least_seconds(15, [&] { engine.run({input}); });
  const auto work = static_cast<double>(cost_of(prediction.graph, input.shape()).multiply_adds);
  const double share = work / seconds / peak();
  RecordProperty("share_of_peak", std::to_string(share));
  EXPECT_GT(share, 0.25) << work / seconds / 1e9 << " of " << peak() / 1e9 << " G multiply-adds/s";
}

TEST(Speed, WhatSurroundsTheNetworkIsSmall) {
  if (!is_measurable()) GTEST_SKIP() << "speeds of an instrumented or unoptimised build mean nothing";
  const SemanticPredictor predictor(small_street_model(), {.engine = {.threads = 1}});
  Image image(height, width);
  Random random(1);
  for (uint8_t& value : image.pixels)
    value = static_cast<uint8_t>(random.integer(0, 255));
  predictor.predict(image);
  // Wall clock here: the least of many, so that a pause in one does not count.
  PredictSeconds least{1, 1, 1, 1};
  for (int round = 0; round < 30; ++round) {
    PredictSeconds seconds;
    predictor.predict(image, &seconds);
    least.preprocess = std::min(least.preprocess, seconds.preprocess);
    least.network = std::min(least.network, seconds.network);
    least.postprocess = std::min(least.postprocess, seconds.postprocess);
  }
  EXPECT_LT(least.preprocess + least.postprocess, 0.1 * least.network);
}

}  // namespace
}  // namespace vitrail
