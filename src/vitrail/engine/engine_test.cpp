#include "vitrail/engine/engine.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail {
namespace {

using engine_test::Case;

// Runs `body`, which must throw an Error of this kind, and returns its text.
template <class Body>
std::string error_of(ErrorKind kind, const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

// A bottleneck-free residual network that accepts any size.
Case residual_network(uint64_t seed) {
  Case c(seed);
  const Value image = c.input({1, 3, 33, 47});
  const auto block = [&](Value x, int64_t in, int64_t out, int64_t kernel) {
    const int64_t pad = kernel / 2;
    return c.batch_norm(c.conv(x, in, out, kernel, {.pads = {pad, pad, pad, pad}}), out);
  };
  Value x = c.graph.add(op::Relu{}, {block(image, 3, 16, 3)});
  for (int i = 0; i < 4; ++i) {
    const Value inner = c.graph.add(op::Relu{}, {block(x, 16, 16, 3)});
    x = c.graph.add(op::Relu{}, {c.graph.add(op::Add{}, {block(inner, 16, 16, 3), x})});
  }
  const Value pooled = c.graph.add(op::MaxPool{}, {x});
  const Value logits = c.conv(pooled, 16, 5, 1);
  c.graph.output("logits", c.graph.add(op::Resize{}, {logits, image}));
  return c;
}

TEST(Engine, RandomNetworksMatchTheReference) {
  for (uint64_t seed = 500; seed < 540; ++seed) {
    const Case c = engine_test::random_network(seed);
    const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
    const std::vector<Tensor> actual = Engine(c.graph, c.weights, {.threads = 2}).run(c.inputs);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      ASSERT_LE(reference::relative_difference(actual[i], expected[i]), 1e-4)
          << c.description << ", output " << i;
  }
}

TEST(Engine, FusesResidualBlocksAndReusesMemory) {
  const Case c = residual_network(1);
  const Engine engine(c.graph, c.weights);
  const ProgramReport report = engine.report({{1, 3, 33, 47}});
  int64_t fused_sums = 0, adds = 0, activation_bytes = 0;
  for (const StepReport& step : report.steps) {
    EXPECT_FALSE(step.name.empty());
    EXPECT_FALSE(step.kernel.empty());
    adds += step.kind == "add";
    fused_sums +=
        step.kind == "convolution" && step.fused.size() == 3;  // convolution, batch norm, sum; then Relu
    if (step.kind == "convolution") {
      EXPECT_GT(step.multiply_adds, 0);
    }
    activation_bytes += element_count(step.output) * 4;
  }
  EXPECT_EQ(fused_sums, 4);
  EXPECT_EQ(adds, 0);
  EXPECT_GT(report.weight_bytes, 9 * 16 * 16 * 8 * 4);
  EXPECT_GT(report.arena_bytes, 0);
  EXPECT_LT(report.arena_bytes, activation_bytes / 2);
}

TEST(Engine, AnySizeRunsAndProgramsAreForgottenInTurn) {
  Case c = residual_network(2);
  const Engine engine(c.graph, c.weights, {.threads = 2, .cached_programs = 2});
  for (const int64_t size : {17, 40, 23, 17, 31, 40})
    for (int64_t batch = 1; batch <= 2; ++batch) {
      const std::vector<Tensor> inputs = {engine_test::random_tensor(c.random, {batch, 3, size, size + 3})};
      const reference::Array expected = reference::run(c.graph, c.weights, inputs)[0];
      ASSERT_LE(reference::relative_difference(engine.run(inputs)[0], expected), 1e-4)
          << size << ", batch " << batch;
    }
}

TEST(Engine, RunsAreRepeatableBitForBit) {
  const Case c = residual_network(3);
  const Engine engine(c.graph, c.weights, {.threads = 2});
  const Tensor first = engine.run(c.inputs)[0];
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(same_bytes(engine.run(c.inputs)[0], first));
  EXPECT_TRUE(same_bytes(Engine(c.graph, c.weights, {.threads = 2}).run(c.inputs)[0], first));
}

TEST(Engine, ConcurrentRunsEqualSerialOnes) {
  Case c = residual_network(4);
  std::vector<Tensor> images, expected;
  const Engine serial(c.graph, c.weights, {.threads = 2});
  for (int64_t i = 0; i < 6; ++i) {
    images.push_back(engine_test::random_tensor(c.random, {1, 3, 20 + 7 * i, 50 - 5 * i}));
    expected.push_back(serial.run({images.back()})[0]);
  }
  const Engine engine(c.graph, c.weights, {.threads = 2, .cached_programs = 3});
  std::vector<int> equal(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 24; ++i) {
        const size_t which = (i * (t + 1) + t) % images.size();
        equal[t] += same_bytes(engine.run({images[which]})[0], expected[which]);
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 24));
}

TEST(Engine, OutputsMayBeInputsParametersSharedOrIntegers) {
  Case c(5);
  const Value x = c.input({2, 3, 4, 5}), weight = c.parameter({1, 3, 2, 2});
  const Value relu = c.graph.add(op::Relu{}, {x});
  c.graph.output("input", x);
  c.graph.output("renamed", c.graph.add(op::Identity{}, {x}));
  c.graph.output("parameter", weight);
  c.graph.output("once", relu);
  c.graph.output("twice", relu);
  c.graph.output("labels", c.graph.add(op::Identity{}, {c.graph.add(op::ArgMax{}, {relu})}));
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  const std::vector<Tensor> actual = Engine(c.graph, c.weights).run(c.inputs);
  ASSERT_EQ(actual.size(), 6U);
  for (size_t i = 0; i < actual.size(); ++i)
    EXPECT_LE(reference::relative_difference(actual[i], expected[i]), 1e-7) << i;
  EXPECT_EQ(actual[5].type(), DataType::i64);
}

TEST(Engine, TrainingOnlyOutputsAreLeftOut) {
  Case c(6);
  const Value x = c.input({1, 3, 4, 5});
  c.graph.output("main", c.graph.add(op::Relu{}, {x}));
  c.graph.output("auxiliary", c.conv(x, 3, 4, 1), true);
  EXPECT_EQ(Engine(c.graph, {}).run(c.inputs).size(), 1U);
}

TEST(EngineErrors, EveryMissingOrMisshapenParameterIsNamed) {
  Case c = residual_network(7);
  c.weights.erase("parameter0");
  c.weights.erase("parameter3");
  c.weights["parameter4"] = Tensor::zeros(DataType::f32, {5});
  const std::string text = error_of(ErrorKind::usage, [&] { Engine(c.graph, c.weights); });
  for (const char* part : {"'parameter0'", "'parameter3'", "'parameter4' is 5, 16 is needed", "3 of "})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  EXPECT_EQ(text.find("'parameter1'"), std::string::npos);
}

TEST(EngineErrors, EveryUnsupportedNodeIsNamed) {
  Case c(8);
  const Value x = c.input({1, 3, 8, 8}), folded = c.graph.add(op::Relu{}, {c.parameter({4, 3, 3, 3})});
  c.graph.output("a", c.graph.add(op::Conv{}, {x, folded}, "weight_of_constants"));
  const Value computed = c.graph.add(op::Add{}, {folded, c.graph.add(op::Reduce{}, {x})});
  c.graph.output("b", c.graph.add(op::Conv{}, {x, computed}, "computed_weight"));
  const Value wide = c.graph.input("wide", {1, 4}, DataType::f64);
  c.graph.output("c", c.graph.add(op::Add{}, {wide, wide}, "sum_of_f64"));
  const std::string text = error_of(ErrorKind::unsupported, [&] { Engine(c.graph, c.weights); });
  for (const char* part : {"computed_weight", "sum_of_f64", "input 'wide'", "f64"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  EXPECT_EQ(text.find("weight_of_constants"), std::string::npos);
}

TEST(EngineErrors, InputsThatDoNotFit) {
  const Case c = residual_network(9);
  const Engine engine(c.graph, c.weights);
  const Tensor image = c.inputs[0];
  EXPECT_NE(error_of(ErrorKind::usage, [&] { engine.run({}); }).find("0 inputs"), std::string::npos);
  EXPECT_NE(error_of(ErrorKind::usage,
                     [&] {
                       engine.run({image, image});
                     })
                .find("2 inputs"),
            std::string::npos);
  EXPECT_NE(error_of(ErrorKind::usage, [&] { engine.run({Tensor()}); }).find("no tensor"), std::string::npos);
  EXPECT_NE(error_of(ErrorKind::usage,
                     [&] {
                       engine.run({Tensor::zeros(DataType::u8, {1, 3, 8, 8})});
                     })
                .find("u8"),
            std::string::npos);
  for (const Shape& shape : {Shape{1, 4, 8, 8}, Shape{3, 8, 8}, Shape{1, 3, 0, 8}, Shape{1, 3, 1, 1}})
    EXPECT_NE(error_of(ErrorKind::shape, [&] { engine.run({Tensor::zeros(DataType::f32, shape)}); }), "");
  EXPECT_EQ(engine.run({image}).size(), 1U);  // failures leave the engine usable
}

TEST(EngineErrors, Options) {
  const Case c = residual_network(10);
  error_of(ErrorKind::usage, [&] { Engine(c.graph, c.weights, {.threads = -1}); });
  error_of(ErrorKind::usage, [&] { Engine(c.graph, c.weights, {.cached_programs = 0}); });
}

}  // namespace
}  // namespace vitrail
