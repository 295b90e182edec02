// The passes for tensors of any rank, on random networks: the results before equal those after, and the pass
// did something.

#include <functional>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/arena_pool.h"
#include "vitrail/engine/compile.h"
#include "vitrail/engine/op_equal.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail::engine_detail {
namespace {

using engine_test::Case;

std::vector<Tensor> run(const Network& network, const std::vector<Tensor>& inputs) {
  const ThreadScope threads(2);
  PackedWeights weights;
  ArenaPool arenas;
  const auto program = compile(network, {dnnl::engine(dnnl::engine::kind::cpu, 0), weights, 2});
  return program->run(inputs, arenas.take(program->arena_bytes()).data());
}

// Maps of one size that are scaled by tables computed from constants, transposed and back, and made twice.
// Every third node is read by nobody.
Case random_tensor_network(uint64_t seed) {
  Case c(seed);
  const int64_t channels = c.pick(1, 9), height = c.pick(1, 7), width = c.pick(1, 7);
  std::vector<Value> maps = {c.input({c.pick(1, 2), channels, height, width})};
  const auto any = [&] {
    return maps[static_cast<size_t>(c.pick(0, static_cast<int64_t>(maps.size()) - 1))];
  };
  const auto table = [&] {
    const Value first = c.parameter({channels, 1, 1});
    return c.graph.add(op::Mul{}, {first, c.graph.add(op::Add{}, {first, c.parameter({1})})});
  };
  for (int64_t i = c.pick(4, 9); i > 0; --i) {
    const Value x = c.random.chance(0.7) ? maps.back() : any();
    switch (c.pick(0, 5)) {
      case 0: maps.push_back(c.conv(x, channels, channels, 1)); break;
      case 1: maps.push_back(c.graph.add(op::Add{}, {x, table()})); break;
      case 2: maps.push_back(c.graph.add(op::Softmax{}, {x})); break;
      case 3: {
        const Value there = c.graph.add(op::Transpose{{0, 2, 3, 1}}, {x});
        maps.push_back(c.graph.add(op::Transpose{{0, 3, 1, 2}}, {c.graph.add(op::Sigmoid{}, {there})}));
        break;
      }
      case 4: {
        const op::Unary tanh{.function = op::Unary::Function::tanh};
        maps.push_back(c.graph.add(op::Add{}, {c.graph.add(tanh, {x}), c.graph.add(tanh, {x})}));
        break;
      }
      default: c.graph.add(op::Relu{}, {x});
    }
  }
  c.graph.output("maps", maps.back());
  c.graph.output("any", any());
  return c;
}

Network network_of(const Case& c) {
  return bind_shapes(build_network(c.graph, c.weights), c.graph, {c.inputs[0].shape()});
}

int64_t removed_layers(const Case& c, const std::function<void(Network&)>& prepare,
                       const std::function<void(Network&)>& pass) {
  Network before = network_of(c);
  prepare(before);
  Network after = before;
  pass(after);
  const std::vector<Tensor> expected = run(before, c.inputs), actual = run(after, c.inputs);
  const std::vector<reference::Array> truth = reference::run(c.graph, c.weights, c.inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(reference::relative_difference(actual[i], reference::array_of(expected[i])), 1e-5)
        << c.description << ", output " << i;
    EXPECT_LE(reference::relative_difference(actual[i], truth[i]), 1e-4) << c.description << ", output " << i;
  }
  return static_cast<int64_t>(before.layers.size()) - static_cast<int64_t>(after.layers.size());
}

void check(const std::function<void(Network&)>& prepare, const std::function<void(Network&)>& pass) {
  int64_t removed = 0;
  for (uint64_t seed = 0; seed < 40 && !testing::Test::HasFailure(); ++seed)
    removed += removed_layers(random_tensor_network(seed), prepare, pass);
  EXPECT_GE(removed, 10) << "the pass found almost nothing to do";
}

void nothing(Network&) {}

TEST(TensorPasses, FoldConstants) {
  check(nothing, fold_constants);
}

TEST(TensorPasses, DropDead) {
  check(nothing, drop_dead);
}

TEST(TensorPasses, MergeCommon) {
  check(nothing, merge_common);
}

// Products with bias and function, some of which others read too.
Case random_products(uint64_t seed) {
  using F = op::Unary::Function;
  Case c(seed);
  const int64_t width = c.pick(2, 9);
  Value x = c.input({c.pick(1, 3), c.pick(1, 7), width});
  const F functions[] = {F::gelu, F::gelu_tanh, F::tanh, F::swish, F::hard_swish, F::elu};
  for (int64_t i = c.pick(1, 4); i > 0; --i) {
    Value y = c.graph.add(op::MatMul{}, {x, c.parameter({width, width})});
    if (c.random.chance(0.2)) c.graph.output(cat("product", i), y);
    if (c.random.chance(0.8)) y = c.graph.add(op::Add{}, {c.parameter({1, width}), y});
    if (c.random.chance(0.7))
      y = c.graph.add(op::Unary{.function = functions[c.pick(0, 5)], .alpha = 0.5}, {y});
    else
      y = c.graph.add(op::Relu{}, {y});
    x = c.random.chance(0.5) ? c.graph.add(op::Add{}, {x, y}) : y;
  }
  c.graph.output("y", x);
  return c;
}

TEST(TensorPasses, FuseMatmul) {
  int64_t removed = 0;
  for (uint64_t seed = 0; seed < 40 && !testing::Test::HasFailure(); ++seed)
    removed += removed_layers(random_products(seed), nothing, fuse_matmul);
  EXPECT_GE(removed, 40);
}

TEST(TensorPasses, FuseFunction) {
  using F = op::Unary::Function;
  const F functions[] = {F::gelu,       F::gelu_tanh, F::tanh,         F::swish,
                         F::hard_swish, F::elu,       F::hard_sigmoid, F::leaky_relu};
  int64_t removed = 0;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    Case c(seed);
    const op::Conv same{.pads = {1, 1, 1, 1}};
    const Value x = c.conv(c.input({2, 3, 9, 11}), 3, 8, 3, same);
    const auto apply = [&](Value y) { return c.graph.add(op::Unary{functions[seed % 8], 0.2, 0.5}, {y}); };
    const Value y = apply(c.conv(apply(x), 8, 8, 3, same));
    c.graph.output(
        "y", apply(c.graph.add(op::Add{}, {c.conv(y, 8, 8, 3, same), x})));  // x stays apart: two read it
    removed += removed_layers(c, fuse_residual, fuse_function);
  }
  EXPECT_EQ(removed, 2 * 32);
}

// From a map to a sequence and back, without a change of layout.
TEST(TensorPasses, FreeTransposes) {
  Case c(3);
  const int64_t channels = 6, height = 4, width = 5;
  const auto sizes = [&](const std::vector<int64_t>& values) {
    return c.graph.add(op::Constant{Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values)},
                       {});
  };
  const Value map = c.conv(c.input({2, channels, height, width}), channels, channels, 1);
  const Value flat = c.graph.add(op::Reshape{}, {map, sizes({2, channels, -1})});
  const Value tokens = c.graph.add(
      op::MatMul{}, {c.graph.add(op::Transpose{{0, 2, 1}}, {flat}), c.parameter({channels, channels})});
  const Value back = c.graph.add(op::Transpose{{0, 2, 1}}, {tokens});
  const Value again = c.graph.add(op::Reshape{}, {back, sizes({2, channels, height, width})});
  c.graph.output("y", c.conv(again, channels, 3, 1));
  EXPECT_EQ(removed_layers(c, nothing, free_transposes), 0);
  Network network = network_of(c);
  free_transposes(network);
  choose_layouts(network);
  for (const Layer& layer : network.layers)
    if (std::holds_alternative<op::Identity>(layer.op)) {
      ADD_FAILURE() << "a change of layout: " << layer.name;
    } else if (const auto* transpose = std::get_if<op::Transpose>(&layer.op)) {
      EXPECT_EQ(transpose->permutation.size(), 4U);
      EXPECT_NE(network.value(layer.inputs[0]).channels_last(), network.value(layer.output).channels_last());
    }
}

TEST(TensorPasses, AllTogether) {
  check(fold_constants, [](Network& network) {
    merge_common(network);
    drop_dead(network);
    run_bound_passes(network, 2);
  });
}

TEST(TensorPasses, LargeResultsOfSmallConstantsAreNotFolded) {
  Case c(1);
  const Value x = c.input({1, 1});
  const Value sizes = c.graph.add(op::Constant{Tensor::from<int64_t>({2}, {4096, 4096})}, {});
  const Value big = c.graph.add(op::Expand{}, {c.parameter({1}), sizes});
  c.graph.output("y", c.graph.add(op::Reduce{}, {c.graph.add(op::Mul{}, {big, x})}));
  Network network = network_of(c);
  fold_constants(network);
  for (const NetworkValue& value : network.values)
    EXPECT_LT(value.constant.defined() ? value.constant.bytes() : 0, 1 << 20) << value.name;
}

// A transposition between the two layouts moves nothing.
TEST(TensorPasses, TransposesToChannelsLastAreViews) {
  Case c(2);
  const Value x = c.input({1, 16, 8, 8});
  const Value there = c.graph.add(op::Transpose{{0, 2, 3, 1}}, {c.conv(x, 16, 16, 3)});
  const Value normal = c.graph.add(op::LayerNormalization{}, {there, c.parameter({16})});
  c.graph.output("y", c.conv(c.graph.add(op::Transpose{{0, 3, 1, 2}}, {normal}), 16, 16, 3));
  Network network = network_of(c);
  choose_layouts(network);
  for (const Layer& layer : network.layers)
    EXPECT_FALSE(std::holds_alternative<op::Identity>(layer.op)) << "a change of layout: " << layer.name;
  const auto& first = network.layers.at(1);
  ASSERT_TRUE(std::holds_alternative<op::Transpose>(first.op));
  EXPECT_TRUE(network.value(first.inputs[0]).channels_last());
  EXPECT_FALSE(network.value(first.output).channels_last());
  EXPECT_EQ(removed_layers(c, nothing, nothing), 0);
}

TEST(OpEqual, ComparesEveryAttribute) {
  const op::Conv conv{.strides = {2, 1}, .pads = {1, 2, 3, 4}, .group = 2};
  op::Conv other = conv;
  EXPECT_TRUE(same_op(conv, other));
  other.pads[3] = 5;
  EXPECT_FALSE(same_op(conv, other));
  EXPECT_FALSE(same_op(conv, op::ConvTranspose{}));
  EXPECT_TRUE(same_op(op::Reduce{.axes = {1, 2}}, op::Reduce{.axes = {1, 2}}));
  EXPECT_FALSE(same_op(op::Reduce{.axes = {1, 2}}, op::Reduce{.axes = {1, 2}, .keep_dims = false}));
  EXPECT_FALSE(same_op(op::Resize{.sizes = Pair{3, 4}}, op::Resize{.sizes = Pair{3, 5}}));
  const op::Constant one{Tensor::from<int64_t>({1}, {1})}, also_one{Tensor::from<int64_t>({1}, {1})},
      two{Tensor::from<int64_t>({1}, {2})};
  EXPECT_TRUE(same_op(one, also_one));
  EXPECT_FALSE(same_op(one, two));
}

}  // namespace
}  // namespace vitrail::engine_detail
