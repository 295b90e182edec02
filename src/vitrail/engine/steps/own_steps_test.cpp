// The engine's steps for our own operators against tests/reference_interpreter.h.

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail {
namespace {

using engine_test::Case;
using Form = op::DynamicDeconvolution::Form;

void expect_reference(const Case& c, double tolerance = 1e-5) {
  SCOPED_TRACE(c.description);
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  for (const int threads : {1, 2}) {
    const Engine engine(c.graph, c.weights, {.threads = threads});
    const std::vector<Tensor> found = engine.run(c.inputs);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(reference::relative_difference(found[i], expected[i]), tolerance) << "output " << i;
  }
}

TEST(EngineOwnSteps, DynamicDeconvolution) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Case c(seed);
    const int64_t n = c.pick(1, 2), h = c.pick(1, 13), w = c.pick(1, 13), stride = c.pick(1, 2);
    const Value m = c.input({n, c.pick(1, 21), h, w}), v = c.input({n, 9, h, w});
    std::vector<Value> inputs{m, v};
    if (c.random.chance(0.7)) {
      const auto side = [&](int64_t in) { return stride == 1 ? in : 2 * in - c.pick(0, 1); };
      inputs.push_back(c.input({n, 2, side(h), side(w)}));
    }
    const Form form = c.random.chance(0.5) ? Form::exact : Form::matrix;
    c.graph.output("d", c.graph.add(op::DynamicDeconvolution{stride, form}, inputs));
    expect_reference(c);
  }
}

// With the same votes everywhere it is a transposed convolution, channel by channel.
TEST(EngineOwnSteps, ConstantVotesAreATransposedConvolution) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    Case c(seed);
    const int64_t stride = c.pick(1, 2), channels = c.pick(1, 20), h = c.pick(2, 11), w = c.pick(2, 11);
    const Pair padding = stride == 1 ? Pair{0, 0} : Pair{c.pick(0, 1), c.pick(0, 1)};
    const Value m = c.input({1, channels, h, w}), v = c.input({1, 9, h, w});
    const Value reference =
        c.input({1, 1, stride * (h - 1) + 1 + padding[0], stride * (w - 1) + 1 + padding[1]});
    const Value weight = c.parameter({channels, 1, 3, 3});
    Tensor &votes = c.inputs[1], &taps = c.weights.begin()->second;
    for (int64_t t = 0; t < 9; ++t)
      for (int64_t i = 0; i < h * w; ++i)
        votes.data<float>()[t * h * w + i] = taps.data<float>()[t];
    for (int64_t i = 0; i < channels * 9; ++i)
      taps.data<float>()[i] = taps.data<float>()[i % 9];
    c.graph.output("votes", c.graph.add(op::DynamicDeconvolution{stride}, {m, v, reference}));
    c.graph.output("convolution", c.graph.add(op::ConvTranspose{.strides = {stride, stride},
                                                                .pads = {1, 1, 1, 1},
                                                                .output_padding = padding,
                                                                .group = channels},
                                              {m, weight}));
    const std::vector<Tensor> found = Engine(c.graph, c.weights).run(c.inputs);
    ASSERT_EQ(found[0].shape(), found[1].shape()) << c.description;
    for (size_t i = 0; i < found[0].data<float>().size(); ++i)
      ASSERT_NEAR(found[0].data<float>()[i], found[1].data<float>()[i], 1e-5) << c.description;
  }
}

TEST(EngineOwnSteps, Encoding) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Case c(seed);
    const int64_t depth = c.pick(1, 70), words = c.pick(1, 34);
    const Value x = c.input({c.pick(1, 2), depth, c.pick(1, 15), c.pick(1, 15)});
    const Value codewords = c.parameter({words, depth}), smoothing = c.parameter({words}, -1, 0);
    c.graph.output("e", c.graph.add(op::Encoding{}, {x, codewords, smoothing}));
    expect_reference(c, 5e-5);
  }
}

TEST(EngineOwnSteps, AdaptivePool) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Case c(seed);
    const Value x = c.input({c.pick(1, 2), c.pick(1, 140), c.pick(1, 23), c.pick(1, 23)});
    c.graph.output("y",
                   c.graph.add(op::AdaptivePool{.bins = c.pair(1, 7), .maximum = c.random.chance(0.5)}, {x}));
    expect_reference(c);
  }
}

}  // namespace
}  // namespace vitrail
