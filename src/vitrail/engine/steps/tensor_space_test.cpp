// Operators over the plane of maps of any layout.

#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

TEST(TensorOperators, PoolingOverSpace) {
  check(27000, 10, [](Case& c) { return c.graph.add(op::GlobalMaxPool{}, {random_value(c, 4, 4)}); });
  check(27100, 20, [](Case& c) {
    const op::AdaptivePool pool{.bins = c.pair(1, 5), .maximum = c.random.chance(0.5)};
    c.description += cat(", bins ", join(pool.bins), ", maximum ", pool.maximum);
    return c.graph.add(pool, {random_value(c, 4, 4)});
  });
}

TEST(TensorOperators, MaxPoolIndicesAndMaxUnpool) {
  check(27200, 20, [](Case& c) {
    const Value x = any_layout(c, {c.pick(1, 2), c.pick(1, 9), c.pick(3, 11), c.pick(3, 11)});
    op::MaxPoolIndices indices{.kernel = c.pair(1, 3), .strides = c.pair(1, 3)};
    for (size_t i = 0; i < 4; ++i)
      indices.pads[i] = c.pick(0, indices.kernel[i % 2] - 1);
    const op::MaxPool pool{.kernel = indices.kernel, .strides = indices.strides, .pads = indices.pads};
    const Value found = c.graph.add(indices, {x}), pooled = c.graph.add(pool, {x});
    c.graph.output("indices", found);
    return any_reader(c, c.graph.add(op::MaxUnpool{}, {pooled, found, x}));
  });
}

TEST(TensorOperators, RoiAlign) {
  check(27600, 30, [](Case& c) {
    const int64_t boxes = c.pick(1, 5), images = c.pick(1, 2);
    const Value x = any_layout(c, {images, c.pick(1, 70), c.pick(3, 12), c.pick(3, 12)});
    std::vector<int64_t> image_of;
    for (int64_t i = 0; i < boxes; ++i)
      image_of.push_back(c.pick(0, images - 1));
    const op::RoiAlign align{.height = c.pick(1, 8),
                             .width = c.pick(1, 8),
                             .sampling_ratio = c.pick(0, 3),
                             .spatial_scale = c.random.uniform(0.3, 1.2),
                             .aligned = c.random.chance(0.5)};
    // Some are empty, turned inside out or beyond the map.
    const Value corners = c.parameter({boxes, 4}, -4, 16);
    return any_reader(c, c.graph.add(align, {x, corners, integers(c, image_of)}));
  });
}

TEST(TensorOperators, GridSample) {
  using Padding = op::GridSample::Padding;
  check(27900, 60, [](Case& c) {
    const int64_t images = c.pick(1, 2);
    const Value x = any_layout(c, {images, c.pick(1, 70), c.pick(1, 9), c.pick(1, 9)});
    Value grid = c.input({images, c.pick(1, 7), c.pick(1, 40), 2});
    if (c.random.chance(0.5)) {
      const Value maps = any_layout(c, {images, 2, c.pick(1, 7), c.pick(1, 40)});
      grid = c.graph.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {maps});
    }
    const op::GridSample sample{.mode = static_cast<op::ResizeMode>(c.pick(0, 2)),
                                .padding = static_cast<Padding>(c.pick(0, 2)),
                                .align_corners = c.random.chance(0.5)};
    c.description += cat(", mode ", static_cast<int>(sample.mode), ", padding ",
                         static_cast<int>(sample.padding), ", align_corners ", sample.align_corners);
    const Value far = c.graph.add(op::Mul{}, {grid, c.parameter({1}, 1, 4)});
    return any_reader(c, c.graph.add(sample, {x, far}));
  });
}

TEST(TensorOperators, ResizeOfWideKernels) {
  check(28000, 40, [](Case& c) {
    const Value x = any_layout(c, {c.pick(1, 2), c.pick(1, 40), c.pick(1, 17), c.pick(1, 17)});
    op::Resize resize{.mode = c.random.chance(0.5) ? op::ResizeMode::linear : op::ResizeMode::cubic,
                      .coordinates = static_cast<op::CoordinateMode>(c.pick(0, 5)),
                      .sizes = Pair{c.pick(1, 20), c.pick(1, 20)},
                      .antialias = c.random.chance(0.7),
                      .exclude_outside = c.random.chance(0.5)};
    c.description += cat(", to ", join(*resize.sizes), ", mode ", static_cast<int>(resize.mode),
                         ", coordinates ", static_cast<int>(resize.coordinates), ", antialias ",
                         resize.antialias, ", exclude_outside ", resize.exclude_outside);
    const Value made = c.graph.add(resize, {x});
    if (c.random.chance(0.3)) return c.graph.add(op::ArgMax{}, {made});
    return any_reader(c, made);
  });
}

TEST(TensorOperators, GridSampleOfAnyPosition) {
  const float wild[] = {std::numeric_limits<float>::quiet_NaN(),
                        std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity(),
                        1e30f,
                        -1e30f,
                        0.0f};
  for (const auto padding :
       {op::GridSample::Padding::zeros, op::GridSample::Padding::border, op::GridSample::Padding::reflection})
    for (const auto mode : {op::ResizeMode::nearest, op::ResizeMode::linear, op::ResizeMode::cubic}) {
      Case c(27990);
      const Value x = c.input({1, 3, 4, 5}), grid = c.input({1, 3, 1, 2});
      c.graph.output("y", c.graph.add(op::GridSample{.mode = mode, .padding = padding}, {x, grid}));
      std::copy(std::begin(wild), std::end(wild), c.inputs[1].data<float>().begin());
      const Tensor y = Engine(c.graph, c.weights, {.threads = 1}).run(c.inputs)[0];
      for (const float value : y.data<float>())
        EXPECT_TRUE(std::isfinite(value));
    }
}

TEST(TensorOperators, LrnAndShuffles) {
  check(27300, 20, [](Case& c) {
    const Value x = c.graph.add(op::Mul{}, {random_value(c, 4, 4), c.parameter({1}, 3, 9)});
    const op::LRN lrn{.size = c.pick(1, 7), .alpha = 0.05, .beta = c.random.uniform(0.4, 1), .bias = 1.5};
    return any_reader(c, c.graph.add(lrn, {x}));
  });
  check(27400, 20, [](Case& c) {
    const int64_t block = c.pick(1, 3);
    const Value x = any_layout(c, {c.pick(1, 2), block * block * c.pick(1, 4), c.pick(1, 5), c.pick(1, 5)});
    const op::DepthToSpace deep{
        block, c.random.chance(0.5) ? op::DepthToSpace::Mode::dcr : op::DepthToSpace::Mode::crd};
    return any_reader(c, c.graph.add(deep, {x}));
  });
  check(27500, 20, [](Case& c) {
    const int64_t block = c.pick(1, 3);
    const Value x = any_layout(c, {c.pick(1, 2), c.pick(1, 4), block * c.pick(1, 5), block * c.pick(1, 5)});
    return any_reader(c, c.graph.add(op::SpaceToDepth{block}, {x}));
  });
}

// Divisors below zero, which only a damaged file has: what pow says of them.
TEST(TensorOperators, LrnOfDivisorsOfAnySign) {
  Graph graph;
  const op::LRN lrn{.size = 1, .alpha = 0.5, .beta = 0.75, .bias = -1.5};
  graph.output("y", graph.add(lrn, {graph.input("x", {1, 1, 1, 3})}));
  const std::vector<float> three = {0.0f, 1.0f, 3.0f};
  const Tensor result = Engine(graph, {}).run({Tensor::from({1, 1, 1, 3}, three)})[0];
  const auto y = result.data<float>();
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_NEAR(y[2], 3 / std::pow(3.0, 0.75), 1e-6);
}

TEST(TensorOperators, TheLogarithmOfNoNumberIsNone) {
  Graph graph;
  graph.output("y",
               graph.add(op::Unary{.function = op::Unary::Function::log}, {graph.input("x", {1, 1, 1, 4})}));
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> four = {none, -none, -1.0f, 1.0f};
  const Tensor result = Engine(graph, {}).run({Tensor::from({1, 1, 1, 4}, four)})[0];
  const auto y = result.data<float>();
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isnan(y[2]));
  EXPECT_NEAR(y[3], 0, 1e-7);
}

// The shape of what `add` makes of a value of which nothing is left along `axis`.
template <class Add>
Shape of_nothing(const Shape& shape, int64_t axis, const Add& add) {
  Case c(27700);
  const Value whole = c.graph.add(op::Relu{}, {c.input(shape)});
  const Value end = integers(c, {shape[static_cast<size_t>(axis)]});
  c.graph.output("y", add(c, c.graph.add(op::Slice{}, {whole, end, end, integers(c, {axis})})));
  return Engine(c.graph, c.weights, {.threads = 2}).run(c.inputs)[0].shape();
}

// By the engine's own step: plain loops took ten times as long and wanted another layout.
TEST(TensorOperators, Pad) {
  check(28400, 40, [](Case& c) {
    const Value x = any_layout(c, {c.pick(1, 3), c.pick(1, 9), c.pick(4, 9), c.pick(4, 9)});
    op::Pad pad{.mode = static_cast<op::PadMode>(c.pick(0, 2)), .value = c.random.uniform(-1, 1)};
    for (int64_t& amount : pad.pads)
      amount = c.pick(-1, 3);
    c.description += cat(", mode ", static_cast<int>(pad.mode), ", pads ", join(pad.pads));
    const Value padded = c.graph.add(pad, {x}, "padded");
    Graph alone = c.graph;
    alone.output("padded", padded);
    for (const StepReport& step :
         Engine(alone, c.weights, {.threads = 1}).report({c.inputs[0].shape()}).steps)
      EXPECT_NE(step.kernel, "reference") << step.name;
    return any_reader(c, padded);
  });
}

TEST(TensorOperators, OfNothing) {
  const auto batch_norm = [](Case& c, Value x) {
    return c.graph.add(op::BatchNormalization{},
                       {x, c.parameter({3}), c.parameter({3}), c.parameter({3}), c.parameter({3}, 0.5, 1.5)});
  };
  EXPECT_EQ(of_nothing({2, 3, 4, 5}, 2, batch_norm), (Shape{2, 3, 0, 5}));
  EXPECT_EQ(of_nothing({2, 3, 4, 5}, 3, batch_norm), (Shape{2, 3, 4, 0}));
  EXPECT_EQ(of_nothing({2, 3, 4}, 2, batch_norm), (Shape{2, 3, 0}));
  const auto instance_norm = [](Case& c, Value x) {
    return c.graph.add(op::InstanceNormalization{}, {x, c.parameter({3}), c.parameter({3})});
  };
  EXPECT_EQ(of_nothing({2, 3, 4}, 2, instance_norm), (Shape{2, 3, 0}));
  const auto pad = [](Case& c, Value x) { return c.graph.add(op::Pad{.pads = {1, 1, 1, 1}}, {x}); };
  EXPECT_EQ(of_nothing({2, 3, 4, 5}, 1, pad), (Shape{2, 0, 6, 7}));

  // What would read pixels where there are none.
  const auto resize = [](Case& c, Value x) { return c.graph.add(op::Resize{.sizes = {{7, 7}}}, {x}); };
  EXPECT_THROW(of_nothing({2, 3, 4, 5}, 3, resize), Error);
  const auto deconvolution = [](Case& c, Value x) {
    return c.graph.add(op::ConvTranspose{}, {x, c.parameter({3, 4, 3, 3})});
  };
  EXPECT_THROW(of_nothing({2, 3, 4, 5}, 2, deconvolution), Error);
  const auto mean = [](Case& c, Value x) {
    return c.graph.add(op::AveragePool{.kernel = {2, 2}, .pads = {1, 1, 1, 1}}, {x});
  };
  EXPECT_THROW(of_nothing({2, 3, 4, 5}, 2, mean), Error);
}

}  // namespace
}  // namespace vitrail::engine_test
