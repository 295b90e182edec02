// Graphs of QuantizeLinear and DequantizeLinear, with and without 8-bit maps: the same within a step of the
// result's scale.

#include "vitrail/engine/passes/pass_testing.h"
#include "vitrail/engine/steps/byte_maps.h"

namespace vitrail::engine_detail {
namespace {

class ByteCase : public engine_test::Case {
 public:
  using Case::Case;

  Value scalar(float value) { return graph.add(op::Constant{Tensor::from<float>({}, {value})}, {}); }
  Value zero(DataType type, int64_t at = 0) {
    Tensor value = Tensor::zeros(type, {});
    value.raw()[0] = static_cast<std::byte>(at);
    return graph.add(op::Constant{value}, {});
  }
  Value through_bytes(Value x, float scale, DataType type, int64_t at = 0) {
    const Value bytes = graph.add(op::QuantizeLinear{}, {x, scalar(scale), zero(type, at)});
    return graph.add(op::DequantizeLinear{}, {bytes, scalar(scale), zero(type, at)});
  }
  /// A zero point: none, or any that leaves room on both sides.
  int64_t some_zero(DataType type) {
    if (random.chance(0.4)) return 0;
    const int64_t at = type == DataType::u8 ? pick(40, 215) : pick(-88, 87);
    description += cat(", zero point ", at);
    return at;
  }

  /// A convolution whose weights are bytes, one scale for each output channel or one for all.
  Value byte_conv(Value x, int64_t in, int64_t out, int64_t kernel, op::Conv attributes = {}) {
    const Shape shape = {out, in / attributes.group, kernel, kernel};
    const std::string name = cat("bytes", graph.parameters().size());
    weights[name] = Tensor::empty(DataType::i8, shape);
    for (int8_t& byte : weights[name].data<int8_t>())
      byte = static_cast<int8_t>(random.integer(-127, 127));
    const Value bytes = graph.parameter({.name = name, .shape = shape, .type = DataType::i8});
    const double largest = 1.7 / 127 / std::sqrt(static_cast<double>(shape[1] * kernel * kernel));
    const Shape scales = random.chance(0.5) ? Shape{out} : Shape{};
    const Value weight =
        graph.add(op::DequantizeLinear{0}, {bytes, parameter(scales, 0.5 * largest, largest)});
    std::vector<Value> values = {x, weight};
    if (random.chance(0.7)) values.push_back(parameter({out}));
    return graph.add(attributes, values);
  }
};

int64_t byte_convolutions(const Network& network) {
  int64_t count = 0;
  for (const Layer& layer : network.layers)
    count += layer.bytes && std::holds_alternative<op::Conv>(layer.op);
  return count;
}

Network fused_network(const ByteCase& c) {
  Network network = network_of(c);
  fold_constants(network);
  merge_common(network);
  drop_dead(network);
  run_bound_passes(network, 2);
  return network;
}

// The largest difference from the reference in units of `step`.
double steps_apart(const ByteCase& c, double step) {
  const Network network = fused_network(c);
  const std::vector<Tensor> actual = run(network, c.inputs);
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  double apart = 0;
  for (size_t i = 0; i < actual.size(); ++i)
    for (size_t k = 0; k < expected[i].values.size(); ++k)
      apart = std::max(apart, std::abs(actual[i].data<float>()[k] - expected[i].values[k]));
  return apart / step;
}

DataType random_type(ByteCase& c) {
  return c.random.chance(0.5) ? DataType::u8 : DataType::i8;
}

class QuantizedPasses : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_byte_products()) GTEST_SKIP() << "this machine (or ONEDNN_MAX_CPU_ISA) has no VNNI";
  }
};

// Convolutions of every kind, from floats to bytes to floats or bytes.
TEST_F(QuantizedPasses, ConvolutionsOfBytes) {
  int64_t fused = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    ByteCase c(70000 + seed);
    const int64_t channels = c.random.chance(0.2) ? 3 : 16 * c.pick(1, 3), out = c.pick(1, 40);
    const bool depthwise = channels > 3 && c.random.chance(0.4);
    const Value image = c.input({c.pick(1, 2), channels, c.pick(4, 20), c.pick(4, 20)});
    const float scale = 1.0f / 100;
    const DataType type = random_type(c);
    const Value x = c.through_bytes(image, scale, type, c.some_zero(type));
    op::Conv attributes{.strides = c.pair(1, 2), .group = depthwise ? channels : 1};
    const int64_t kernel = c.random.chance(0.4) && !depthwise ? 1 : 3;
    if (kernel == 3) {
      attributes.pads = {1, 1, 1, 1};
      if (c.random.chance(0.3)) attributes.dilations = {2, 2}, attributes.pads = {2, 2, 2, 2};
    }
    Value y = c.byte_conv(x, channels, depthwise ? channels : out, kernel, attributes);
    const int64_t end = c.pick(0, 2);
    if (end == 1) y = c.graph.add(op::Relu{}, {y});
    if (end == 2) y = c.graph.add(op::Clip{0, 1.1}, {y});
    const bool to_bytes = c.random.chance(0.7);
    const DataType to = random_type(c);
    if (to_bytes) y = c.through_bytes(y, scale, to, c.some_zero(to));
    c.graph.output("y", y);
    EXPECT_LE(steps_apart(c, scale), to_bytes ? 1.001 : 0.01) << c.description;
    fused += byte_convolutions(fused_network(c));
  }
  EXPECT_GE(fused, 50);
}

// What a residual block looks like in a quantised file: sums, pools and concatenations of maps.
TEST_F(QuantizedPasses, MapsStayBytes) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    ByteCase c(71000 + seed);
    const int64_t channels = 16 * c.pick(1, 2);
    const op::Conv same{.pads = {1, 1, 1, 1}};
    const float scale = 1.0f / 64;
    const Value image = c.input({c.pick(1, 2), channels, c.pick(6, 15), c.pick(6, 15)});
    const bool byte_term = c.random.chance(0.5);  // a Relu after it costs nothing where the zero point is 0
    const int64_t input_zero = c.some_zero(DataType::u8),
                  sum_zero = byte_term ? 0 : c.some_zero(DataType::u8);
    const Value x = c.through_bytes(image, scale, DataType::u8, input_zero);
    Value y = c.through_bytes(c.graph.add(op::Relu{}, {c.byte_conv(x, channels, channels, 3, same)}), scale,
                              DataType::u8, c.some_zero(DataType::u8));
    y = c.byte_conv(y, channels, channels, 1);
    const DataType between = random_type(c);
    if (byte_term) y = c.through_bytes(y, scale, between, c.some_zero(between));
    y = c.graph.add(op::Relu{}, {c.graph.add(op::Add{}, {x, y})});
    y = c.through_bytes(y, scale, DataType::u8, sum_zero);
    const Value pooled = c.through_bytes(
        c.graph.add(op::MaxPool{.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}}, {y}), scale,
        DataType::u8, sum_zero);
    y = c.through_bytes(c.graph.add(op::Concat{}, {y, pooled}), scale, DataType::u8, sum_zero);
    c.graph.output("y", c.byte_conv(y, 2 * channels, 7, 1));
    EXPECT_LE(steps_apart(c, scale), 4) << c.description;  // a few roundings differ by one step

    const Network network = fused_network(c);
    EXPECT_EQ(network.layers.size(), 6u) << "quantize, 3 convolutions, pool, concatenation";
    EXPECT_EQ(byte_convolutions(network), 3);
  }
}

// Bytes before a sum cut off what they cannot hold, whether they are made or not.
TEST_F(QuantizedPasses, WhatIsCutOffBeforeASumStaysCutOff) {
  const float scale = 1.0f / 64;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto block = [&](bool cuts) {
      ByteCase c(74000 + seed);
      const int64_t channels = 16 * c.pick(1, 3);
      const DataType type = random_type(c);
      const int64_t zero = std::max<int64_t>(c.some_zero(type), type == DataType::u8 ? 60 : -128);
      const Value x = c.through_bytes(c.input({1, channels, 8, 9}), scale, DataType::i8);
      const Value first = c.through_bytes(c.byte_conv(x, channels, channels, 1), scale, DataType::i8);
      Value y = c.byte_conv(first, channels, channels, 3, {.pads = {1, 1, 1, 1}});
      if (c.random.chance(0.3)) y = c.graph.add(op::Relu{}, {y});
      y = c.through_bytes(y, cuts ? scale / 16 : scale * 4, type, zero);
      y = c.graph.add(op::Add{}, {x, y});
      if (seed % 4 == 0) y = c.graph.add(op::Relu{}, {y});
      c.graph.output("y", c.through_bytes(y, scale, DataType::i8, seed % 4 == 1 ? 12 : 0));
      return c;
    };
    const ByteCase c = block(true), uncut = block(false);
    EXPECT_LE(steps_apart(c, scale), 2) << c.description;
    const reference::Array cut_values = reference::run(c.graph, c.weights, c.inputs)[0],
                           uncut_values = reference::run(uncut.graph, uncut.weights, uncut.inputs)[0];
    double cut_off = 0;
    for (size_t i = 0; i < cut_values.values.size(); ++i)
      cut_off = std::max(cut_off, std::abs(cut_values.values[i] - uncut_values.values[i]));
    EXPECT_GE(cut_off / scale, 8) << "nothing was cut off";

    const Network network = fused_network(c);
    if (seed % 4 != 0) {
      EXPECT_EQ(network.layers.size(), 4u) << "quantize, 2 convolutions, dequantize";
    }
    EXPECT_EQ(byte_convolutions(network), 2);
  }
}

// A map that something else reads after the sum must survive it.
TEST_F(QuantizedPasses, ASumDoesNotOverwriteWhatIsReadLater) {
  ByteCase c(72000);
  const float scale = 1.0f / 64;
  const Value x = c.through_bytes(c.input({1, 16, 9, 7}), scale, DataType::i8);
  const Value sum =
      c.through_bytes(c.graph.add(op::Add{}, {x, c.byte_conv(x, 16, 16, 1)}), scale, DataType::i8);
  const Value r = c.through_bytes(c.byte_conv(sum, 16, 16, 1), scale, DataType::i8);
  const Value second =
      c.through_bytes(c.graph.add(op::Add{}, {r, c.byte_conv(x, 16, 16, 1)}), scale, DataType::i8);
  const Value last =
      c.through_bytes(c.graph.add(op::Add{}, {r, c.byte_conv(second, 16, 16, 1)}), scale, DataType::i8);
  c.graph.output("y", c.byte_conv(last, 16, 4, 1));
  c.graph.output("r", r);
  EXPECT_LE(steps_apart(c, scale), 4);
}

// Right with 8-bit maps and without them.
TEST(QuantizedGraphs, ZeroPointsOnAnyMachine) {
  ByteCase c(73000);
  const float scale = 1.0f / 32;
  const Value image = c.input({2, 6, 8, 9});
  const Value point = c.graph.add(op::Constant{Tensor::from<uint8_t>({}, {117})}, {});
  const Value q = c.graph.add(op::QuantizeLinear{}, {image, c.scalar(scale), point});
  const Value x = c.graph.add(op::DequantizeLinear{}, {q, c.scalar(scale), point});
  c.graph.output("y", c.byte_conv(x, 6, 5, 3));
  EXPECT_LE(steps_apart(c, scale), 0.01);
}

}  // namespace
}  // namespace vitrail::engine_detail
