#pragma once
// Networks before and after a pass, run and compared.

#include <functional>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/arena_pool.h"
#include "vitrail/engine/compile.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail::engine_detail {

inline std::vector<Tensor> run(const Network& network, const std::vector<Tensor>& inputs, int threads = 2) {
  const ThreadScope scope(threads);
  PackedWeights weights;
  ArenaPool arenas;
  const auto program = compile(network, {dnnl::engine(dnnl::engine::kind::cpu, 0), weights, threads});
  return program->run(inputs, arenas.take(program->arena_bytes()).data());
}

inline Network network_of(const engine_test::Case& c) {
  const Graph graph = c.graph.for_inference();
  return bind_shapes(build_network(graph, c.weights), graph, {c.inputs[0].shape()});
}

/// Runs `prepare`, then compares the network with and without `pass`; returns the network after it.
inline Network compared(const engine_test::Case& c, const std::function<void(Network&)>& prepare,
                        const std::function<void(Network&)>& pass, double tolerance = 1e-4) {
  Network before = network_of(c);
  prepare(before);
  Network after = before;
  pass(after);
  const std::vector<Tensor> expected = run(before, c.inputs), actual = run(after, c.inputs);
  EXPECT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(reference::relative_difference(actual[i], reference::array_of(expected[i])), tolerance)
        << c.description << ", output " << i;
  return after;
}

}  // namespace vitrail::engine_detail
