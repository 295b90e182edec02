#include "vitrail/engine/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "vitrail/base/parallel.h"
#include "vitrail/base/random.h"
#include "vitrail/engine/compile.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail::engine_detail {
namespace {

// No two buffers that are in use at the same step share a byte; all lie aligned inside the arena.
void expect_sound(const std::vector<BufferLife>& buffers, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    ASSERT_EQ(plan.offsets[i] % buffer_alignment, 0);
    ASSERT_GE(plan.offsets[i], 0);
    ASSERT_LE(plan.offsets[i] + buffers[i].bytes, plan.arena_bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      const bool overlap = plan.offsets[i] < plan.offsets[j] + buffers[j].bytes &&
                           plan.offsets[j] < plan.offsets[i] + buffers[i].bytes;
      ASSERT_FALSE(together && overlap) << "buffers " << i << " and " << j;
    }
  }
}

TEST(MemoryPlan, RandomBuffersNeverOverlapAndStayNearTheLowerBound) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferLife> buffers;
    const int64_t steps = random.integer(1, 60);
    for (int64_t i = 0; i < random.integer(1, 60); ++i) {
      const int64_t first = random.integer(0, steps - 1);
      buffers.push_back({random.integer(1, 5000), first, std::min(steps - 1, first + random.integer(0, 5))});
    }
    const MemoryPlan plan = plan_memory(buffers);
    expect_sound(buffers, plan);
    int64_t peak = 0, total = 0;
    for (int64_t step = 0; step < steps; ++step) {
      int64_t alive = 0;
      for (const BufferLife& b : buffers)
        if (b.first <= step && step <= b.last) alive += (b.bytes + 63) / 64 * 64;
      peak = std::max(peak, alive);
    }
    for (const BufferLife& b : buffers)
      total += (b.bytes + 63) / 64 * 64;
    EXPECT_GE(plan.arena_bytes, peak);
    EXPECT_LE(plan.arena_bytes, std::min(total, 2 * peak));
  }
}

TEST(MemoryPlan, ReusesTheBytesOfTheDead) {
  const MemoryPlan plan = plan_memory(std::vector<BufferLife>{{4096, 0, 1}, {4096, 1, 2}, {4096, 2, 3}});
  EXPECT_EQ(plan.arena_bytes, 2 * 4096);
}

TEST(MemoryPlan, ProgramsOfRandomNetworksAreSound) {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    engine_test::Case c = engine_test::random_network(seed);
    const Graph graph = c.graph.for_inference();
    Network network = bind_shapes(build_network(graph, c.weights), graph, {c.inputs[0].shape()});
    run_bound_passes(network, 2);
    PackedWeights weights;
    const ThreadScope threads(2);
    const auto program = compile(network, {dnnl::engine(dnnl::engine::kind::cpu, 0), weights, 2});
    expect_sound(program->parts().buffers, program->parts().plan);
    EXPECT_GT(program->arena_bytes(), 0);
  }
}

}  // namespace
}  // namespace vitrail::engine_detail
