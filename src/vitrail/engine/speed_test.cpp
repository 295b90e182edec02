// What the engine trades: precision, memory, instruction sets, and what it reports of them.

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/engine/arena_pool.h"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/kernels/gemm_bf16.h"
#include "vitrail/engine/peak.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail {
namespace {

using engine_test::Case;

// 3x3, 1x1 and depthwise convolutions on maps large enough for every kind of step.
Case mixed_network(uint64_t seed) {
  Case c(seed);
  Value x = c.conv(c.input({1, 3, 120, 136}), 3, 32, 3, {.strides = {2, 2}, .pads = {1, 1, 1, 1}});
  x = c.graph.add(op::Relu{}, {x});
  x = c.conv(x, 32, 32, 3, {.pads = {1, 1, 1, 1}, .group = 32});
  x = c.graph.add(op::Relu{}, {c.conv(x, 32, 64, 1)});
  x = c.graph.add(op::Add{}, {x, c.conv(x, 64, 64, 3, {.pads = {2, 2, 2, 2}, .dilations = {2, 2}})});
  c.graph.output("y", c.conv(x, 64, 19, 1));
  return c;
}

double difference(const Tensor& actual, const Tensor& expected) {
  return reference::relative_difference(actual, reference::array_of(expected));
}

TEST(EnginePrecision, Bf16StaysCloseAndIsReported) {
  Case c = mixed_network(1);
  const Engine plain(c.graph, c.weights, {.threads = 2});
  const Engine rounded(c.graph, c.weights, {.threads = 2, .precision = Precision::bf16});
  const std::vector<Tensor> expected = plain.run(c.inputs), actual = rounded.run(c.inputs);
  EXPECT_LE(difference(actual[0], expected[0]), 0.02);
  const ProgramReport report = rounded.report({c.inputs[0].shape()});
  const auto is_bf16 = [](const StepReport& step) { return step.kernel.find("bf16") != std::string::npos; };
  const auto count = std::count_if(report.steps.begin(), report.steps.end(), is_bf16);
  if (engine_detail::kernel::has_bf16()) {
    EXPECT_GE(count, 2);
    EXPECT_TRUE(report.notes.empty());
    EXPECT_GT(difference(actual[0], expected[0]), 0) << "nothing was rounded";
  } else {
    EXPECT_EQ(count, 0);
    EXPECT_THAT(report.notes, testing::ElementsAre(testing::HasSubstr("avx512_bf16")));
  }
}

// Of numbers that bf16 holds exactly, so that nothing but the order of sums differs.
TEST(EnginePrecision, WindowsInBf16EqualThoseInF32) {
  if (!engine_detail::kernel::has_bf16()) GTEST_SKIP() << "this processor has no avx512_bf16";
  int patches = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Case c(seed);
    const int64_t in = c.pick(16, 70), out = c.pick(16, 70), kernel = c.pick(2, 5);
    const Value x = c.input({c.pick(1, 2), in, c.pick(10, 40), c.pick(10, 40)});
    const op::Conv conv{.strides = c.pair(1, 3), .pads = c.pads(3), .dilations = c.pair(1, 2)};
    const Value sum =
        c.graph.add(op::Add{}, {c.conv(x, in, out, kernel, conv), c.conv(x, in, out, kernel, conv)});
    c.graph.output("y", c.graph.add(op::Relu{}, {sum}));
    const auto make_exact = [](Tensor& tensor) {
      for (float& value : tensor.data<float>())
        value = std::round(value * 127) / 64;
    };
    for (auto& [name, tensor] : c.weights)
      make_exact(tensor);
    make_exact(c.inputs[0]);
    const Engine plain(c.graph, c.weights, {.threads = 2});
    const Engine rounded(c.graph, c.weights, {.threads = 2, .precision = Precision::bf16});
    EXPECT_LE(difference(rounded.run(c.inputs)[0], plain.run(c.inputs)[0]), 1e-5) << c.description;
    for (const StepReport& step : rounded.report({c.inputs[0].shape()}).steps)
      patches += step.kernel == "vitrail patches bf16";
  }
  EXPECT_GE(patches, 12);
}

TEST(EngineMemory, ALimitIsKeptOrRefusedWithWhatWouldDo) {
  Case c = mixed_network(2);
  const std::vector<Shape> shapes = {c.inputs[0].shape()};
  const Engine free(c.graph, c.weights, {.threads = 2});
  const std::vector<Tensor> expected = free.run(c.inputs);
  const int64_t most = free.report(shapes).memory_bytes();

  int64_t least = 0;
  try {
    Engine(c.graph, c.weights, {.threads = 2, .memory_limit = 1000}).report(shapes);
    FAIL() << "1000 bytes are not enough";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit);
    const std::string text = error.what();
    const size_t at = text.find("at least ");
    ASSERT_NE(at, std::string::npos) << text;
    least = std::stoll(text.substr(at + 9));
  }
  EXPECT_LT(least, most) << "nothing was given up";
  for (const int64_t limit : {least, (least + most) / 2, most}) {
    const Engine engine(c.graph, c.weights, {.threads = 2, .memory_limit = limit});
    EXPECT_LE(engine.report(shapes).memory_bytes(), limit);
    EXPECT_LE(difference(engine.run(c.inputs)[0], expected[0]), 1e-4);
  }
}

TEST(EngineMemory, AnArenaTakesWhatIsReported) {
  Case c = mixed_network(3);
  const int64_t bytes = Engine(c.graph, c.weights).report({c.inputs[0].shape()}).arena_bytes;
  engine_detail::ArenaPool pool;
  { const auto lease = pool.take(bytes); }
  EXPECT_EQ(pool.free_bytes(), bytes);
}

TEST(EngineProfile, EveryStepHasATime) {
  Case c = mixed_network(4);
  const Engine engine(c.graph, c.weights, {.threads = 2});
  const ProgramReport report = engine.profile(c.inputs, 3);
  ASSERT_FALSE(report.steps.empty());
  for (const StepReport& step : report.steps) {
    EXPECT_GT(step.milliseconds, 0) << step.name;
    EXPECT_FALSE(step.is_slow()) << step.name << " " << step.kernel;
  }
  EXPECT_GT(measured_peak_gflops(1), 0.5);
}

// The kernels' tests again in a process that may use less than this machine has.
TEST(EngineInstructionSets, KernelsAgreeUnderEveryCap) {
  if (std::getenv("ONEDNN_MAX_CPU_ISA") != nullptr) GTEST_SKIP() << "already capped";
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0) GTEST_SKIP() << "no /proc";
  for (const char* cap : {"SSE41", "AVX2"}) {
    const std::string command = cat("ONEDNN_MAX_CPU_ISA=", cap, " '", program,
                                    "' --gtest_brief=1 "
                                    "--gtest_filter='Multiply*:SpeedPasses.*:EnginePrecision.*:"
                                    "EngineOperators.DepthwiseConv' > /dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
}

}  // namespace
}  // namespace vitrail
