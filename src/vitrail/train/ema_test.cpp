#include "vitrail/train/ema.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail::train {
namespace {

/// y = x * scale, with a statistic and a constant that nothing moves but the test.
Module scaler() {
  Graph graph;
  const Value x = graph.input("x", {-1, 1, -1, -1});
  const Value scale = graph.parameter({.name = "scale", .shape = {1}});
  const Value mean = graph.parameter({.name = "mean", .shape = {1}, .role = Role::running_statistic});
  const Value offset = graph.parameter({.name = "offset", .shape = {1}, .role = Role::constant});
  graph.output(
      "y", graph.add(op::Add{}, {graph.add(op::Mul{}, {x, scale}), graph.add(op::Add{}, {mean, offset})}));
  Weights weights;
  for (const char* name : {"scale", "mean", "offset"})
    weights[name] = Tensor::from<float>({1}, {1.0f});
  return Module(graph, weights);
}

void set_all(Module& module, float value) {
  Weights weights;
  for (const char* name : {"scale", "mean", "offset"})
    weights[name] = Tensor::from<float>({1}, {value});
  module.load(weights);
}

float value(const Weights& weights, const char* name) {
  return weights.at(name).data<float>()[0];
}

TEST(EmaTest, FollowsItsRecurrence) {
  for (const bool warm_up : {false, true}) {
    Module module = scaler();
    Ema ema(module, {.decay = 0.5, .warm_up = warm_up});
    double expected = 1;
    for (int t = 1; t <= 20; ++t) {
      const float now = static_cast<float>(t % 3);
      set_all(module, now);
      ema.update(module);
      const double decay = warm_up ? std::min(0.5, (1.0 + t) / (10.0 + t)) : 0.5;
      expected = decay * expected + (1 - decay) * now;
      ASSERT_NEAR(value(ema.weights(), "scale"), expected, 1e-5) << t;
      ASSERT_NEAR(value(ema.weights(), "mean"), expected, 1e-5) << t;
      ASSERT_EQ(value(ema.weights(), "offset"), now);
    }
  }
}

TEST(EmaTest, MayTakeTheNewestStatistics) {
  Module module = scaler();
  Ema ema(module, {.decay = 0.9, .average_statistics = false});
  set_all(module, 7);
  ema.update(module);
  EXPECT_EQ(value(ema.weights(), "mean"), 7);
  EXPECT_LT(value(ema.weights(), "scale"), 7);
}

TEST(EmaTest, StateContinuesBitForBit) {
  Module module = scaler();
  Ema whole(module, {.decay = 0.99}), half(module, {.decay = 0.99});
  for (int t = 0; t < 10; ++t) {
    set_all(module, 0.1f * static_cast<float>(t));
    whole.update(module);
    half.update(module);
    if (t == 4) {
      const Weights state = half.state();
      half = Ema(module, {.decay = 0.99});
      half.load_state(state);
    }
  }
  EXPECT_EQ(value(whole.weights(), "scale"), value(half.weights(), "scale"));
  EXPECT_THROW(half.load_state(whole.weights()), Error);
}

TEST(EmaTest, RefusesAnImpossibleDecay) {
  const Module module = scaler();
  EXPECT_THROW(Ema(module, {.decay = 1}), Error);
  EXPECT_THROW(Ema(module, {.decay = -0.1}), Error);
}

}  // namespace
}  // namespace vitrail::train
