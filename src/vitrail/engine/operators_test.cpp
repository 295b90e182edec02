// Every operator against the naive double-precision interpreter, over random shapes and attributes.

#include <gtest/gtest.h>

#include "vitrail/engine/tensor_testing.h"

namespace vitrail {
namespace {

using engine_test::Case;
using engine_test::check;

Value random_map(Case& c, int64_t least_size = 1, int64_t most_size = 19) {
  return c.input({c.pick(1, 2), c.pick(1, 37), c.pick(least_size, most_size), c.pick(least_size, most_size)});
}

AutoPad any_auto_pad(Case& c) {
  return std::array{AutoPad::explicit_pads, AutoPad::same_upper, AutoPad::same_lower,
                    AutoPad::valid}[static_cast<size_t>(c.pick(0, 3))];
}

TEST(EngineOperators, Conv) {
  check(1000, 60, [](Case& c) {
    const int64_t group = c.random.chance(0.3) ? c.pick(2, 4) : 1;
    const int64_t in = group * c.pick(1, 20), out = group * c.pick(1, 20), kernel = c.pick(1, 4);
    op::Conv conv{
        .strides = c.pair(1, 3), .dilations = c.pair(1, 3), .group = group, .auto_pad = any_auto_pad(c)};
    if (conv.auto_pad == AutoPad::explicit_pads) conv.pads = c.pads(3);
    const Value x = c.input({c.pick(1, 2), in, c.pick(10, 21), c.pick(10, 21)});
    c.description += cat(", out ", out, ", kernel ", kernel, ", group ", group, ", strides ",
                         join(conv.strides), ", dilations ", join(conv.dilations), ", pads ", join(conv.pads),
                         ", auto_pad ", static_cast<int>(conv.auto_pad));
    return c.conv(x, in, out, kernel, conv);
  });
}

TEST(EngineOperators, DepthwiseConv) {
  check(1500, 20, [](Case& c) {
    const int64_t channels = c.pick(1, 40), multiplier = c.random.chance(0.8) ? 1 : 2;
    const op::Conv conv{.strides = c.pair(1, 2),
                        .dilations = c.pair(1, 4),
                        .group = channels,
                        .auto_pad = AutoPad::same_upper};
    const Value x = c.input({c.pick(1, 2), channels, c.pick(9, 20), c.pick(9, 20)});
    c.description += cat(", strides ", join(conv.strides), ", dilations ", join(conv.dilations));
    return c.conv(x, channels, channels * multiplier, 3, conv);
  });
}

TEST(EngineOperators, ConvWithManyChannels) {
  check(1600, 8, [](Case& c) {
    const Value x = c.input({1, 128, c.pick(5, 9), c.pick(5, 9)});
    return c.conv(x, 128, 96, c.pick(0, 1) * 2 + 1, {.pads = {1, 1, 1, 1}});
  });
}

TEST(EngineOperators, ConvTranspose) {
  check(2000, 40, [](Case& c) {
    const int64_t group = c.random.chance(0.4) ? c.pick(2, 3) : 1, in = group * c.pick(1, 9),
                  out = c.pick(1, 9);
    op::ConvTranspose conv{
        .strides = c.pair(1, 3), .pads = c.pads(1), .dilations = c.pair(1, 2), .group = group};
    conv.output_padding = {c.pick(0, conv.strides[0] - 1), c.pick(0, conv.strides[1] - 1)};
    const Value x = c.input({c.pick(1, 2), in, c.pick(3, 9), c.pick(3, 9)});
    c.description +=
        cat(", group ", group, ", strides ", join(conv.strides), ", pads ", join(conv.pads), ", dilations ",
            join(conv.dilations), ", output_padding ", join(conv.output_padding));
    std::vector<Value> values = {x, c.parameter({in, out, c.pick(2, 4), c.pick(2, 4)})};
    if (c.random.chance(0.5)) values.push_back(c.parameter({out * group}));
    return c.graph.add(conv, values);
  });
}

TEST(EngineOperators, FoldedBatchNorm) {
  check(2500, 20, [](Case& c) {
    const int64_t group = c.pick(1, 3), in = group * c.pick(1, 9), out = group * c.pick(1, 9);
    const Value x = c.input({c.pick(1, 2), in, 7, 8});
    const Value y = c.random.chance(0.5)
                        ? c.conv(x, in, out, 3, {.group = group})
                        : c.graph.add(op::ConvTranspose{.strides = {2, 2}, .group = group},
                                      {x, c.parameter({in, out / group, 2, 2}), c.parameter({out})});
    return c.batch_norm(y, out);
  });
}

TEST(EngineOperators, BatchNormalization) {
  check(2600, 12, [](Case& c) {
    const int64_t channels = c.pick(1, 20);
    const Shape shapes[] = {{2, channels}, {2, channels, 5}, {2, channels, 3, 4}, {1, channels, 2, 3, 4}};
    const Value y = c.batch_norm(c.input(shapes[c.pick(0, 3)]), channels);
    return c.random.chance(0.5) ? c.graph.add(op::Relu{}, {y}) : y;
  });
}

TEST(EngineOperators, Unary) {
  check(3000, 24, [](Case& c) {
    const Value x = c.random.chance(0.7) ? random_map(c) : c.input({c.pick(1, 9), c.pick(1, 9)});
    const Value wide = c.graph.add(op::Mul{}, {x, c.parameter({1}, 10, 20)});
    const Op ops[] = {op::Relu{}, op::Clip{}, op::Clip{-2, 3}, op::Sigmoid{}, op::Identity{}, op::Dropout{}};
    return c.graph.add(ops[c.pick(0, 5)], {wide});
  });
}

TEST(EngineOperators, BinaryBroadcasts) {
  check(3100, 60, [](Case& c) {
    const Shape full = {c.pick(1, 3), c.pick(1, 9), c.pick(1, 7), c.pick(1, 7)};
    Shape a = full, b(full.begin() + c.pick(0, 3), full.end());
    for (int64_t& size : a)
      if (c.random.chance(0.25)) size = 1;
    for (int64_t& size : b)
      if (c.random.chance(0.4)) size = 1;
    Value x = c.input(a), y = c.random.chance(0.5) ? c.input(b) : c.parameter(b);
    c.description += cat(" and ", to_string(b));
    if (c.random.chance(0.5)) std::swap(x, y);
    const Value z = c.random.chance(0.5) ? c.graph.add(op::Add{}, {x, y}) : c.graph.add(op::Mul{}, {x, y});
    return c.random.chance(0.3) ? c.graph.add(op::Relu{}, {z}) : z;
  });
}

TEST(EngineOperators, BinaryOfLargeMaps) {
  check(3200, 4, [](Case& c) {
    const Value x = c.input({2, 16, 61, 67}), y = c.input({2, 16, 61, 67});
    return c.graph.add(op::Add{}, {x, c.random.chance(0.5) ? y : x});
  });
}

TEST(EngineOperators, Concat) {
  check(3300, 24, [](Case& c) {
    const bool images = c.random.chance(0.8);
    Shape shape =
        images ? Shape{c.pick(1, 2), c.pick(1, 9), c.pick(1, 7), c.pick(1, 7)} : Shape{c.pick(1, 4), 5};
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t axis = c.pick(-rank, rank - 1), parts = c.pick(1, 4);
    std::vector<Value> values;
    for (int64_t i = 0; i < parts; ++i) {
      shape[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = c.pick(1, 6);
      values.push_back(c.random.chance(0.8) ? c.input(shape) : c.parameter(shape));
    }
    c.description += cat(", axis ", axis);
    return c.graph.add(op::Concat{axis}, values);
  });
}

template <class Pool>
Pool random_pool(Case& c) {
  Pool pool;
  pool.kernel = c.pair(1, 4);
  pool.strides = c.pair(1, 3);
  pool.ceil_mode = c.random.chance(0.5);
  pool.auto_pad = any_auto_pad(c);
  if (pool.auto_pad == AutoPad::explicit_pads)
    for (size_t i = 0; i < 4; ++i)
      pool.pads[i] = c.pick(0, pool.kernel[i % 2] - 1);
  c.description +=
      cat(", kernel ", join(pool.kernel), ", strides ", join(pool.strides), ", pads ", join(pool.pads),
          ", ceil ", pool.ceil_mode, ", auto_pad ", static_cast<int>(pool.auto_pad));
  return pool;
}

TEST(EngineOperators, MaxPool) {
  check(4000, 40, [](Case& c) {
    const Value x = random_map(c, 4);
    return c.graph.add(random_pool<op::MaxPool>(c), {x});
  });
}

TEST(EngineOperators, DilatedMaxPool) {
  check(4050, 30, [](Case& c) {
    op::MaxPool pool = random_pool<op::MaxPool>(c);
    pool.auto_pad = AutoPad::explicit_pads;
    pool.dilations = c.pair(1, 3);
    c.description += cat(", dilations ", join(pool.dilations));
    return c.graph.add(pool, {random_map(c, 12)});
  });
}

TEST(EngineOperators, AveragePool) {
  check(4100, 40, [](Case& c) {
    const Value x = random_map(c, 4);
    auto pool = random_pool<op::AveragePool>(c);
    pool.count_include_pad = c.random.chance(0.5);
    c.description += cat(", count_include_pad ", pool.count_include_pad);
    return c.graph.add(pool, {x});
  });
}

TEST(EngineOperators, GlobalAveragePool) {
  check(4200, 8, [](Case& c) { return c.graph.add(op::GlobalAveragePool{}, {random_map(c)}); });
  check(4210, 1, [](Case& c) { return c.graph.add(op::GlobalAveragePool{}, {c.input({2, 130, 40, 50})}); });
}

op::Resize random_resize(Case& c) {
  op::Resize resize;
  resize.mode = static_cast<op::ResizeMode>(c.pick(0, 2));
  resize.coordinates = static_cast<op::CoordinateMode>(c.pick(0, 6));
  if (resize.coordinates == op::CoordinateMode::tf_crop_and_resize)
    resize.roi = {c.random.uniform(-0.2, 0.4), c.random.uniform(-0.2, 0.4), c.random.uniform(0.6, 1.2),
                  c.random.uniform(0.6, 1.2)};
  resize.nearest = static_cast<op::NearestMode>(c.pick(0, 3));
  if (c.random.chance(0.3)) resize.cubic_a = -0.5;
  if (resize.roi || c.random.chance(0.5))  // a scaled part of a small input may be empty
    resize.sizes = c.pair(1, 33);
  else
    resize.scales = {c.random.uniform(0.3, 3.5), c.random.uniform(0.3, 3.5)};
  c.description += cat(", mode ", static_cast<int>(resize.mode), ", coordinates ",
                       static_cast<int>(resize.coordinates), ", nearest ", static_cast<int>(resize.nearest),
                       ", to ", resize.sizes ? join(*resize.sizes) : join(*resize.scales));
  return resize;
}

TEST(EngineOperators, Resize) {
  check(5000, 80, [](Case& c) {
    const Value y = c.graph.add(random_resize(c), {random_map(c, 4)});
    // An output is written row-major at once, anything else channels-last.
    return c.random.chance(0.5) ? c.graph.add(op::Clip{-100, 100}, {y}) : y;
  });
}

TEST(EngineOperators, ResizeToReference) {
  check(5200, 8, [](Case& c) {
    const Value x = random_map(c);
    op::Resize resize = random_resize(c);
    resize.sizes.reset();
    resize.scales.reset();
    return c.graph.add(resize, {x, random_map(c)});
  });
}

TEST(EngineOperators, Crop) {
  check(5300, 12, [](Case& c) {
    const int64_t channels = c.pick(1, 20), top = c.pick(0, 4), left = c.pick(0, 4);
    const Value x = c.input({2, channels, 12, 13});
    return c.graph.add(op::Crop{top, left}, {x, c.input({2, 3, c.pick(1, 12 - top), c.pick(1, 13 - left)})});
  });
}

TEST(EngineOperators, Pad) {
  check(5400, 40, [](Case& c) {
    const Value x = random_map(c, 6);
    op::Pad pad{.mode = static_cast<op::PadMode>(c.pick(0, 2)), .value = c.random.uniform(-2, 2)};
    for (int64_t& side : pad.pads)
      side = c.pick(pad.mode == op::PadMode::constant ? -2 : 0, 5);
    c.description += cat(", mode ", static_cast<int>(pad.mode), ", pads ", join(pad.pads));
    return c.graph.add(pad, {x});
  });
}

TEST(EngineOperators, Softmax) {
  check(6000, 24, [](Case& c) {
    const Value x =
        c.random.chance(0.7) ? random_map(c) : c.input({c.pick(1, 5), c.pick(1, 70), c.pick(1, 70)});
    const auto rank = static_cast<int64_t>(c.graph.shape(x).size());
    const Value wide = c.graph.add(op::Mul{}, {x, c.parameter({1}, 1, 30)});
    return c.graph.add(op::Softmax{c.pick(-rank, rank - 1)}, {wide});
  });
}

TEST(EngineOperators, ArgMaxFirstWinsTies) {
  check(6100, 32, [](Case& c) {
    const Value x =
        c.random.chance(0.7) ? random_map(c) : c.input({c.pick(1, 5), c.pick(1, 9), c.pick(1, 9)});
    for (float& value : c.inputs[0].data<float>())
      value = std::round(value * 2);  // five values: many ties
    const auto rank = static_cast<int64_t>(c.graph.shape(x).size());
    const op::ArgMax argmax{c.pick(-rank, rank - 1), c.random.chance(0.5)};
    c.description += cat(", axis ", argmax.axis, ", keep_dims ", argmax.keep_dims);
    return c.graph.add(argmax, {x});
  });
}

// Rounding may turn near ties, so the chosen channel must hold (nearly) the largest value.
TEST(EngineOperators, ArgMaxOfResizePicksALargestChannel) {
  for (uint64_t seed = 6200; seed < 6224; ++seed) {
    Case c(seed);
    const Value x = random_map(c, 1, 12);
    op::Resize resize = random_resize(c);
    resize.mode = op::ResizeMode::linear;
    if (resize.scales) resize.scales = {1 + (*resize.scales)[0], 1 + (*resize.scales)[1]};
    const Value resized = c.graph.add(resize, {x});
    c.graph.output("labels", c.graph.add(op::ArgMax{1, c.random.chance(0.5)}, {resized}));
    SCOPED_TRACE(c.description);
    const Engine engine(c.graph, c.weights, {.threads = 2});
    ASSERT_EQ(engine.report({c.inputs[0].shape()}).steps.back().kind, "resize_argmax");
    const Tensor labels = engine.run(c.inputs)[0];
    const std::vector<reference::Array> values = reference::run_all(c.graph, c.weights, c.inputs);
    const reference::Array& logits = values[static_cast<size_t>(resized.id)];
    const reference::Array& expected = values.back();
    ASSERT_EQ(labels.shape(), expected.shape);
    const int64_t plane = logits.shape[2] * logits.shape[3];
    for (int64_t i = 0; i < labels.elements(); ++i) {
      const auto value = [&](int64_t channel) {
        return logits
            .values[static_cast<size_t>((i / plane * logits.shape[1] + channel) * plane + i % plane)];
      };
      const int64_t label = labels.data<int64_t>()[static_cast<size_t>(i)];
      ASSERT_TRUE(label >= 0 && label < logits.shape[1]);
      ASSERT_NEAR(value(label), value(static_cast<int64_t>(expected.values[static_cast<size_t>(i)])), 1e-5);
    }
  }
}

}  // namespace
}  // namespace vitrail
