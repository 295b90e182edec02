// The passes that choose faster kernels: results before equal those after, and the pass did something.

#include <algorithm>
#include <cstring>

#include "vitrail/engine/passes/pass_testing.h"

namespace vitrail::engine_detail {
namespace {

using engine_test::Case;

void nothing(Network&) {}

const Layer& layer_named(const Network& network, const std::string& name) {
  for (const Layer& layer : network.layers)
    if (layer.name == name) return layer;
  throw std::runtime_error("no layer " + name);
}

// Pyramid pooling: conv(concat(map, enlarged small maps)).
Value pyramid(Case& c, int64_t kernel) {
  const int64_t channels = c.pick(3, 20), height = c.pick(9, 20), width = c.pick(9, 20);
  const Value x = c.input({c.pick(1, 2), channels, height, width});
  std::vector<Value> parts = {x};
  for (const int64_t bins : {int64_t{1}, c.pick(2, 3), c.pick(2, 4)}) {
    const Pair stride{height / bins, width / bins};
    const op::AveragePool pool{.kernel = {height - (bins - 1) * stride[0], width - (bins - 1) * stride[1]},
                               .strides = stride};
    const Value small = c.conv(c.graph.add(pool, {x}), channels, c.pick(2, 17), 1);
    const bool corners = c.random.chance(0.5);
    parts.push_back(c.graph.add(op::Resize{.coordinates = corners ? op::CoordinateMode::align_corners
                                                                  : op::CoordinateMode::half_pixel},
                                {small, x}));
  }
  if (c.random.chance(0.5)) parts.push_back(c.conv(x, channels, c.pick(1, 5), 1));
  const Value joined = c.graph.add(op::Concat{}, parts);
  const op::Conv conv{
      .strides = c.pair(1, 2), .pads = c.pads(kernel == 1 ? 0 : 2), .dilations = c.pair(1, 2)};
  return c.conv(joined, c.graph.channels(joined), c.pick(1, 40), kernel, conv);
}

TEST(SpeedPasses, FactorEnlarged) {
  for (uint64_t seed = 0; seed < 12 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    c.graph.output("y", c.graph.add(op::Relu{}, {pyramid(c, seed % 2 == 0 ? 3 : 1)}));
    const Network after = compared(c, nothing, [](Network& network) {
      factor_enlarged(network);
      fuse_activation(network);
    });
    EXPECT_TRUE(std::any_of(after.layers.begin(), after.layers.end(),
                            [](const Layer& layer) { return !layer.enlarged.empty(); }));
    EXPECT_TRUE(std::none_of(after.layers.begin(), after.layers.end(), [](const Layer& layer) {
      return std::holds_alternative<op::Resize>(layer.op);
    })) << "every enlarged map is gone";
  }
}

TEST(SpeedPasses, AnEnlargedMapThatOthersReadStays) {
  Case c(5);
  const Value x = c.input({1, 4, 12, 12});
  const Value small = c.graph.add(op::GlobalAveragePool{}, {x});
  const Value enlarged = c.graph.add(op::Resize{}, {small, x});
  c.graph.output("enlarged", enlarged);
  c.graph.output("y", c.conv(c.graph.add(op::Concat{}, {x, enlarged}), 8, 8, 3));
  const Network after = compared(c, nothing, factor_enlarged);
  EXPECT_EQ(after.layers.size(), network_of(c).layers.size());
}

TEST(SpeedPasses, SumConcatenated) {
  int64_t gone = 0;
  for (uint64_t seed = 0; seed < 12 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    const int64_t channels = c.pick(16, 40), parts = c.pick(2, 4), shared = seed % 4 == 0;
    const Value x = c.input({c.pick(1, 2), channels, c.pick(3, 20), c.pick(3, 20)});
    std::vector<Value> maps = {x};
    while (static_cast<int64_t>(maps.size()) < parts)
      maps.push_back(c.graph.add(op::Relu{}, {c.conv(x, channels, c.pick(16, 60), 1)}));
    const Value joined = c.graph.add(op::Concat{}, maps);
    if (shared) c.graph.output("joined", joined);
    const Value y = c.conv(joined, c.graph.channels(joined), 16, 1);
    c.graph.output("y", c.graph.add(op::Relu{}, {y}));
    const Network after = compared(c, fuse_activation, sum_concatenated);
    const bool stays = std::any_of(after.layers.begin(), after.layers.end(), [](const Layer& layer) {
      return std::holds_alternative<op::Concat>(layer.op);
    });
    EXPECT_TRUE(stays || !shared);
    gone += !stays;
  }
  EXPECT_GE(gone, 7);
}

// relu(conv(x) + conv(x)) of any kernel, stride and padding up to three; the padding apart or not.
Case padded_sum(uint64_t seed, bool apart) {
  Case c(seed);
  const int64_t group = seed % 5 == 0 ? 2 : 1, in = group * c.pick(1, 40), out = group * c.pick(1, 40);
  Value x = c.input({c.pick(1, 2), in, c.pick(5, 20), c.pick(5, 20)});
  op::Conv conv{.strides = c.pair(1, 3), .pads = c.pads(3), .dilations = c.pair(1, 2), .group = group};
  const int64_t kernel = c.pick(1, 3);
  if (apart) {
    x = c.graph.add(op::Pad{.pads = conv.pads}, {x});
    conv.pads = {0, 0, 0, 0};
  }
  const Value first = c.conv(x, in, out, kernel, conv), second = c.conv(x, in, out, kernel, conv);
  c.graph.output("y", c.graph.add(op::Relu{}, {c.graph.add(op::Add{}, {first, second})}));
  return c;
}

// Without the pass oneDNN's kernels crash on some of these.
TEST(SpeedPasses, SplitPadding) {
  int64_t splits = 0;
  for (uint64_t seed = 0; seed < 30 && !testing::Test::HasFailure(); ++seed) {
    const Case c = padded_sum(seed, false);
    Network network = network_of(c);
    split_padding(network);
    fuse_residual(network);
    fuse_activation(network);
    splits += std::count_if(network.layers.begin(), network.layers.end(),
                            [](const Layer& layer) { return std::holds_alternative<op::Pad>(layer.op); });
    const Tensor expected = run(network_of(padded_sum(seed, true)), c.inputs).at(0);
    EXPECT_LE(reference::relative_difference(run(network, c.inputs).at(0), reference::array_of(expected)),
              1e-4)
        << c.description;
  }
  EXPECT_GE(splits, 10);
}

// 3x3 convolutions with dilations, sums and activations; forced to Winograd whatever the model says.
TEST(SpeedPasses, Winograd) {
  for (uint64_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    const int64_t in = 16 * c.pick(1, 5), out = 16 * c.pick(1, 5);
    const Value x = c.input({c.pick(1, 2), in, c.pick(5, 23), c.pick(5, 23)});
    op::Conv conv{.pads = c.pads(3), .dilations = c.pair(1, 2)};
    if (c.random.chance(0.5)) conv = {.dilations = c.pair(1, 4), .auto_pad = AutoPad::same_upper};
    const Value before = c.conv(x, in, out, 3, conv), other = c.conv(x, in, out, 3, conv);
    const Value sum = c.graph.add(op::Add{}, {c.graph.add(op::Relu{}, {before}), other});
    c.graph.output("y", c.graph.add(op::Clip{-0.5, 1.5}, {sum}));
    compared(
        c,
        [](Network& network) {
          split_padding(network);
          fuse_activation(network);
          fuse_residual(network);
          fuse_activation(network);
        },
        [](Network& network) {
          for (Layer& layer : network.layers)
            layer.winograd = std::holds_alternative<op::Conv>(layer.op);
        });
  }
}

TEST(SpeedPasses, WinogradIsChosenWhereItPays) {
  Case c(3);
  const Value x = c.input({1, 64, 64, 64});
  const op::Conv same{.pads = {1, 1, 1, 1}}, every_second{.strides = {2, 2}, .pads = {1, 1, 1, 1}};
  const std::pair<std::string, bool> cases[] = {
      {"wide", true}, {"stride", false}, {"channels", false}, {"pointwise", false}};
  const auto add = [&](const std::string& name, int64_t out, int64_t kernel, const op::Conv& conv) {
    c.graph.output(name, c.graph.add(conv, {x, c.parameter({out, 64, kernel, kernel})}, name));
  };
  add("wide", 64, 3, same);
  add("stride", 64, 3, every_second);
  add("channels", 63, 3, same);
  add("pointwise", 64, 1, {});
  Network network = network_of(c);
  choose_winograd(network);
  for (const auto& [name, expected] : cases)
    EXPECT_EQ(layer_named(network, name).winograd, expected) << name;
}

// A chain as in MobileNet on a map large enough to be worth it, with odd sizes, strides and dilations.
Value separable_chain(Case& c, const Value& image) {
  Value x = c.conv(image, 3, 16, 3, {.strides = {2, 2}, .auto_pad = AutoPad::same_upper});
  int64_t channels = 16;
  for (int64_t i = 0; i < 3; ++i) {
    x = c.graph.add(op::Clip{0, 6}, {x});
    const int64_t dilation = c.pick(1, 2), stride = dilation == 1 ? c.pick(1, 2) : 1, next = c.pick(20, 40);
    x = c.conv(x, channels, channels, 3,
               {.strides = {stride, stride},
                .dilations = {dilation, dilation},
                .group = channels,
                .auto_pad = AutoPad::same_upper});
    x = c.conv(c.graph.add(op::Relu{}, {x}), channels, next, 1);
    channels = next;
  }
  return x;
}

TEST(SpeedPasses, RowStrips) {
  for (uint64_t seed = 0; seed < 6 && !testing::Test::HasFailure(); ++seed) {
    Case c(seed);
    const Value image = c.input({c.pick(1, 2), 3, c.pick(500, 601), c.pick(600, 700)});
    c.graph.output("y", separable_chain(c, image));
    const Network after = compared(c, fuse_activation, [](Network& network) { form_row_strips(network, 2); });
    const auto longest =
        std::max_element(after.layers.begin(), after.layers.end(),
                         [](const Layer& a, const Layer& b) { return a.strip.size() < b.strip.size(); });
    EXPECT_GE(longest->strip.size(), 3u) << c.description;
  }
}

TEST(SpeedPasses, RowStripsAreTheSameBitsForAnyNumberOfThreads) {
  Case c(7);
  const Value image = c.input({2, 3, 601, 603});
  c.graph.output("y", separable_chain(c, image));
  Network network = network_of(c);
  fuse_activation(network);
  form_row_strips(network, 1);
  const std::vector<Tensor> expected = run(network, c.inputs, 1);
  for (const int threads : {2, 3, 7}) {
    const std::vector<Tensor> actual = run(network, c.inputs, threads);
    EXPECT_EQ(std::memcmp(actual[0].raw(), expected[0].raw(), static_cast<size_t>(expected[0].bytes())), 0)
        << threads << " threads";
  }
}

// MobileNetV2's block: what the strip would read is what its last sum overwrites.
TEST(SpeedPasses, AnInvertedResidualKeepsItsInput) {
  Case c(9);
  const Value image = c.input({1, 16, 260, 260});
  const Value x = c.conv(image, 16, 16, 1);
  const Value wide = c.graph.add(op::Relu{}, {c.conv(x, 16, 32, 1)});
  const Value deep = c.conv(wide, 32, 32, 3, {.pads = {1, 1, 1, 1}, .group = 32});
  c.graph.output("y", c.graph.add(op::Add{}, {c.conv(deep, 32, 16, 1), x}));
  compared(
      c,
      [](Network& network) {
        fuse_residual(network);
        fuse_activation(network);
      },
      [](Network& network) { form_row_strips(network, 2); });
}

// The convolution before a strip's first is read by others too: it must be stored.
TEST(SpeedPasses, AMapThatOthersReadEndsItsStrip) {
  Case c(8);
  const Value image = c.input({1, 16, 300, 300});
  const Value x = c.conv(image, 16, 16, 3, {.pads = {1, 1, 1, 1}, .group = 16});
  c.graph.output("x", x);
  c.graph.output("y", c.conv(x, 16, 24, 1));
  const Network after = compared(c, nothing, [](Network& network) { form_row_strips(network, 2); });
  EXPECT_EQ(after.layers.size(), 2u);
}

}  // namespace
}  // namespace vitrail::engine_detail
