// Parts of a concatenation that are made in their place: the results are those of plain loops, and nothing is
// copied where that is said.

#include <algorithm>

#include "vitrail/engine/passes/pass_testing.h"

namespace vitrail::engine_detail {
namespace {

using engine_test::Case;

std::vector<StepReport> expect_same_results(const Case& c) {
  Network network = network_of(c);
  run_bound_passes(network, 2);
  const ThreadScope scope(2);
  PackedWeights weights;
  ArenaPool arenas;
  const auto program = compile(network, {dnnl::engine(dnnl::engine::kind::cpu, 0), weights, 2});
  const std::vector<Tensor> actual = program->run(c.inputs, arenas.take(program->arena_bytes()).data());
  const std::vector<reference::Array> truth = reference::run(c.graph, c.weights, c.inputs);
  for (size_t i = 0; i < truth.size(); ++i)
    EXPECT_LE(reference::relative_difference(actual[i], truth[i]), 1e-4) << c.description << ", output " << i;
  return program->report().steps;
}

int64_t in_place(const std::vector<StepReport>& steps) {
  return std::count_if(steps.begin(), steps.end(),
                       [](const auto& step) { return step.kernel == "in place"; });
}

// Convolutions by all kernels that can leave gaps: 1x1, 3x3 by Winograd, and rows.
Value branch(Case& c, Value x, int64_t channels) {
  const op::Conv same{.pads = {1, 1, 1, 1}};
  switch (c.pick(0, 5)) {
    case 0:
    case 1:
    case 2: return c.conv(x, channels, c.pick(8, 40), 1);
    case 3: return c.graph.add(op::Relu{}, {c.conv(x, channels, 16 * c.pick(1, 3), 3, same)});
    case 4: return c.conv(c.conv(x, channels, 16, 1), 16, 8 * c.pick(1, 5), 3, same);
    default: {
      const op::Conv depthwise{.pads = {1, 1, 1, 1}, .group = channels};
      return c.conv(c.conv(x, channels, channels, 3, depthwise), channels, c.pick(8, 40), 1);
    }
  }
}

TEST(PlaceInConcatenations, BranchesOverMaps) {
  int64_t placed = 0;
  for (uint64_t seed = 0; seed < 40 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    const int64_t channels = 16 * c.pick(1, 3);
    Value x = c.input({c.pick(1, 2), channels, c.pick(4, 30), c.pick(4, 30)});
    std::vector<Value> parts;
    for (int64_t i = c.pick(1, 4); i > 0; --i)
      parts.push_back(branch(c, x, channels));
    if (c.random.chance(0.3)) parts.push_back(x);
    if (c.random.chance(0.2)) parts.push_back(parts.front());
    if (c.random.chance(0.2)) c.graph.output("part", parts.front());
    if (c.random.chance(0.3)) c.graph.output("read twice", c.graph.add(op::Sigmoid{}, {parts.front()}));
    const Value joined = c.graph.add(op::Concat{}, parts);
    if (c.random.chance(0.3)) c.graph.output("joined", joined);
    const Value pooled = c.graph.add(op::MaxPool{.kernel = {2, 2}}, {joined});
    c.graph.output("y", c.graph.add(op::Add{}, {pooled, c.graph.add(op::Relu{}, {pooled})}));
    placed += in_place(expect_same_results(c));
  }
  EXPECT_GE(placed, 8);
}

// Images of a batch, in any order, as further channels of each other: what convolutions over volumes read.
TEST(PlaceInConcatenations, ImagesOfABatchBesideEachOther) {
  int64_t placed = 0;
  for (uint64_t seed = 0; seed < 30 && !testing::Test::HasFailure(); ++seed) {
    Case c(300 + seed);
    const int64_t channels = c.pick(1, 20), images = c.pick(1, 6), made = c.pick(1, 6);
    Value x = c.input({images, channels, c.pick(2, 12), c.pick(2, 12)});
    if (c.random.chance(0.7)) x = c.conv(x, channels, channels, 1);
    std::vector<Value> parts;
    for (int64_t k = c.pick(2, 4); k > 0; --k) {
      std::vector<int64_t> from;
      for (int64_t i = 0; i < made; ++i)
        from.push_back(c.pick(-images, images - 1));
      const Value indices = c.graph.add(op::Constant{Tensor::from<int64_t>({made}, from)}, {});
      parts.push_back(c.graph.add(op::Gather{.axis = c.random.chance(0.5) ? 0 : -4}, {x, indices}));
    }
    if (c.random.chance(0.3)) c.graph.output("taken", parts.front());
    const Value joined = c.graph.add(op::Concat{}, parts);
    if (c.random.chance(0.3)) c.graph.output("joined", joined);
    c.graph.output("y",
                   c.conv(joined, channels * std::ssize(parts), c.pick(1, 9), 3, {.pads = {1, 1, 1, 1}}));
    placed += in_place(expect_same_results(c));
  }
  EXPECT_GE(placed, 8);
}

// Where the joined dimension is the outermost, parts have no gaps, and whatever makes them may be read again.
TEST(PlaceInConcatenations, RowsOfMatrices) {
  int64_t placed = 0;
  for (uint64_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    const int64_t width = c.pick(2, 9);
    const Value x = c.input({c.pick(1, 5), width});
    std::vector<Value> parts;
    for (int64_t i = c.pick(2, 4); i > 0; --i)
      parts.push_back(
          c.graph.add(op::MatMul{}, {parts.empty() ? x : parts.back(), c.parameter({width, width})}));
    const Value joined = c.graph.add(op::Concat{.axis = 0}, parts);
    const Value again = c.graph.add(op::Concat{.axis = 0}, {joined, parts.front(), joined});
    c.graph.output("y", c.graph.add(op::Sigmoid{}, {again}));
    if (c.random.chance(0.5)) c.graph.output("joined", joined);
    placed += in_place(expect_same_results(c));
  }
  EXPECT_GE(placed, 20);
}

// With one channel the pixels of a row lie side by side like channels, but are none.
TEST(PlaceInConcatenations, OneChannelJoinedAlongSpace) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Case c(seed);
    const int64_t axis = c.pick(2, 3), height = c.pick(1, 9), width = c.pick(1, 9);
    const Value x = c.input({c.pick(1, 5), 1, height, width});
    const std::vector<Value> parts = {c.conv(x, 1, 1, 1), c.conv(x, 1, 1, 1)};
    c.graph.output("y", c.graph.add(op::Concat{.axis = axis}, parts));
    expect_same_results(c);
  }
}

// What a residual sum takes over must not lie in a concatenation that is read afterwards.
TEST(PlaceInConcatenations, ResidualsKeepTheirOwnMemory) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Case c(seed);
    const Value x = c.input({1, 16, c.pick(4, 12), c.pick(4, 12)});
    const Value a = c.conv(x, 16, 16, 1), b = c.conv(x, 16, 16, 1);
    const Value joined = c.graph.add(op::Concat{}, {a, b});
    const Value sum = c.graph.add(op::Add{}, {c.conv(b, 16, 16, 3, {.pads = {1, 1, 1, 1}}), a});
    c.graph.output("sum", sum);
    c.graph.output("y", c.graph.add(op::Relu{}, {joined}));
    expect_same_results(c);
  }
}

}  // namespace
}  // namespace vitrail::engine_detail
