#include "vitrail/train/optimizer.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail::train {
namespace {

constexpr int steps = 20;

NamedTensors fresh_parameters() {
  torch::manual_seed(5);
  NamedTensors result;
  for (const char* name : {"a.weight", "a.bias", "b.weight"})
    result.emplace_back(name, torch::randn({3, 4}).set_requires_grad(true));
  return result;
}

/// A gradient that depends on the weights and the step, so that a difference would grow.
void set_gradients(const std::vector<at::Tensor>& parameters, int step) {
  for (size_t i = 0; i < parameters.size(); ++i)
    at::Tensor(parameters[i]).mutable_grad() =
        (parameters[i].detach() * (0.3 + 0.1 * static_cast<double>(i)) + std::sin(step + 1.0)).clone();
}

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> result;
  for (const auto& [name, tensor] : named)
    result.push_back(tensor);
  return result;
}

void expect_same_as(
    const OptimizerOptions& options, double rate,
    const std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<at::Tensor>)>& make) {
  const NamedTensors ours = fresh_parameters(), theirs = fresh_parameters();
  Optimizer optimizer(ours, options);
  const auto oracle = make(tensors_of(theirs));
  for (int step = 0; step < steps; ++step) {
    set_gradients(tensors_of(ours), step);
    set_gradients(tensors_of(theirs), step);
    optimizer.step(rate);
    oracle->step();
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_FALSE(at::allclose(ours[i].second, fresh_parameters()[i].second, 1e-3)) << "nothing moved";
    EXPECT_TRUE(at::allclose(ours[i].second, theirs[i].second, 1e-5, 1e-6))
        << name_of(options.kind) << " " << i;
  }
}

TEST(OptimizerTest, SgdEqualsLibTorch) {
  using torch::optim::SGD;
  using Options = torch::optim::SGDOptions;
  expect_same_as({.momentum = 0}, 0.05, [](auto p) { return std::make_unique<SGD>(p, Options(0.05)); });
  expect_same_as({.momentum = 0.9, .weight_decay = 0.01}, 0.05, [](auto p) {
    return std::make_unique<SGD>(p, Options(0.05).momentum(0.9).weight_decay(0.01));
  });
  expect_same_as({.momentum = 0.9, .nesterov = true, .weight_decay = 0.01}, 0.05, [](auto p) {
    return std::make_unique<SGD>(p, Options(0.05).momentum(0.9).weight_decay(0.01).nesterov(true));
  });
}

TEST(OptimizerTest, AdamEqualsLibTorch) {
  expect_same_as({.kind = OptimizerKind::adam, .weight_decay = 0.01}, 0.05, [](auto p) {
    return std::make_unique<torch::optim::Adam>(p, torch::optim::AdamOptions(0.05).weight_decay(0.01));
  });
  expect_same_as({.kind = OptimizerKind::adamw, .weight_decay = 0.1}, 0.05, [](auto p) {
    return std::make_unique<torch::optim::AdamW>(p, torch::optim::AdamWOptions(0.05).weight_decay(0.1));
  });
}

TEST(OptimizerTest, RmsPropEqualsLibTorch) {
  for (const double momentum : {0.0, 0.9})
    expect_same_as(
        {.kind = OptimizerKind::rmsprop, .momentum = momentum, .weight_decay = 0.01, .alpha = 0.95}, 0.01,
        [&](auto p) {
          return std::make_unique<torch::optim::RMSprop>(
              p, torch::optim::RMSpropOptions(0.01).momentum(momentum).weight_decay(0.01).alpha(0.95));
        });
}

TEST(OptimizerTest, TensorFlowRmsPropFollowsItsRecurrence) {
  for (const double momentum : {0.0, 0.9}) {
    const at::Tensor w = at::full({1}, 0.7, at::kDouble).set_requires_grad(true);
    Optimizer optimizer(
        {{"w", w}},
        {.kind = OptimizerKind::rmsprop_tensorflow, .momentum = momentum, .alpha = 0.9, .epsilon = 0.1});
    double expected = 0.7, mean_square = 1, accumulated = 0;
    for (int step = 0; step < steps; ++step) {
      const double rate = 0.05 / (step + 1), g = expected * 0.8 + std::cos(step);
      at::Tensor(w).mutable_grad() = at::full({1}, g, at::kDouble);
      optimizer.step(rate);
      mean_square = 0.9 * mean_square + 0.1 * g * g;
      accumulated = momentum * accumulated + rate * g / std::sqrt(mean_square + 0.1);
      expected -= accumulated;
      ASSERT_NEAR(w.item<double>(), expected, 1e-12) << "step " << step;
    }
  }
}

TEST(OptimizerTest, RulesSelectRatesAndDecay) {
  Optimizer optimizer(fresh_parameters(), {.momentum = 0,
                                           .weight_decay = 0.5,
                                           .no_decay = {"*.bias"},
                                           .rate_multipliers = {{"*", 2}, {"b.*", 10}}});
  ASSERT_EQ(optimizer.rules().size(), 3u);
  EXPECT_EQ(optimizer.rules()[0].weight_decay, 0.5);
  EXPECT_EQ(optimizer.rules()[1].weight_decay, 0);
  EXPECT_EQ(optimizer.rules()[1].rate_multiplier, 2);
  EXPECT_EQ(optimizer.rules()[2].rate_multiplier, 10);

  const at::Tensor a = at::ones({1}).set_requires_grad(true), b = at::ones({1}).set_requires_grad(true);
  Optimizer two({{"a", a}, {"b", b}},
                {.momentum = 0, .weight_decay = 1, .no_decay = {"b"}, .rate_multipliers = {{"b", 3}}});
  at::Tensor(a).mutable_grad() = at::ones({1});
  at::Tensor(b).mutable_grad() = at::ones({1});
  two.step(0.1);
  EXPECT_FLOAT_EQ(a.item<float>(), 1 - 0.1f * 2);
  EXPECT_FLOAT_EQ(b.item<float>(), 1 - 0.3f);
}

TEST(OptimizerTest, ClipsByNormThenByValue) {
  const at::Tensor w = at::zeros({2}).set_requires_grad(true);
  Optimizer by_norm({{"w", w}}, {.momentum = 0, .clip_norm = 1});
  at::Tensor(w).mutable_grad() = at::tensor({3.0f, 4.0f});
  EXPECT_NEAR(by_norm.step(1), 5, 1e-5);
  EXPECT_TRUE(at::allclose(w, at::tensor({-0.6f, -0.8f})));

  const at::Tensor v = at::zeros({2}).set_requires_grad(true);
  Optimizer by_value({{"v", v}}, {.momentum = 0, .clip_value = 0.5});
  at::Tensor(v).mutable_grad() = at::tensor({3.0f, -0.25f});
  by_value.step(1);
  EXPECT_TRUE(at::allclose(v, at::tensor({-0.5f, 0.25f})));
}

TEST(OptimizerTest, LeavesEverythingAloneWhenAGradientIsNotFinite) {
  const at::Tensor w = at::ones({2}).set_requires_grad(true);
  Optimizer optimizer({{"w", w}}, {});
  const Weights before = optimizer.state();
  at::Tensor(w).mutable_grad() = at::full({2}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(std::isfinite(optimizer.step(1)));
  EXPECT_TRUE(at::equal(w, at::ones({2})));
  EXPECT_EQ(optimizer.state().at("step").data<int64_t>()[0], before.at("step").data<int64_t>()[0]);
}

TEST(OptimizerTest, StateContinuesBitForBit) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw,
                                   OptimizerKind::rmsprop, OptimizerKind::rmsprop_tensorflow}) {
    const NamedTensors whole = fresh_parameters(), halves = fresh_parameters();
    Optimizer a(whole, {.kind = kind, .weight_decay = 0.01});
    auto b = std::make_unique<Optimizer>(halves, OptimizerOptions{.kind = kind, .weight_decay = 0.01});
    for (int step = 0; step < steps; ++step) {
      if (step == steps / 2) {
        const Weights state = b->state();
        b = std::make_unique<Optimizer>(halves, OptimizerOptions{.kind = kind, .weight_decay = 0.01});
        b->load_state(state);
      }
      set_gradients(tensors_of(whole), step);
      set_gradients(tensors_of(halves), step);
      a.step(0.01);
      b->step(0.01);
    }
    for (size_t i = 0; i < whole.size(); ++i)
      EXPECT_TRUE(at::equal(whole[i].second, halves[i].second)) << name_of(kind);
  }
}

TEST(OptimizerTest, NamesEveryFault) {
  EXPECT_EQ(faults({.momentum = 1, .weight_decay = -1}).size(), 2u);
  EXPECT_THROW(Optimizer(fresh_parameters(), {.momentum = 1}), Error);
  EXPECT_THROW(Optimizer(fresh_parameters(), {.no_decay = {"*.BatchNorm.*"}}), Error);
  EXPECT_THROW(Optimizer(fresh_parameters(), {.rate_multipliers = {{"decoder.*", 2}}}), Error);
  Optimizer optimizer(fresh_parameters(), {});
  Weights state = optimizer.state();
  state.erase("a.bias/momentum");
  EXPECT_THROW(optimizer.load_state(state), Error);
  EXPECT_EQ(optimizer_kind_from("rmsprop_tensorflow"), OptimizerKind::rmsprop_tensorflow);
  EXPECT_THROW(optimizer_kind_from("adamx"), Error);
}

}  // namespace
}  // namespace vitrail::train
