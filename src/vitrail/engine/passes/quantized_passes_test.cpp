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
  Value zero(DataType type) { return graph.add(op::Constant{Tensor::zeros(type, {})}, {}); }
  Value quantize(Value x, float scale, DataType type) {
    return graph.add(op::QuantizeLinear{}, {x, scalar(scale), zero(type)});
  }
  Value dequantize(Value x, float scale, DataType type) {
    return graph.add(op::DequantizeLinear{}, {x, scalar(scale), zero(type)});
  }
  Value through_bytes(Value x, float scale, DataType type) {
    return dequantize(quantize(x, scale, type), scale, type);
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

// The largest difference from the reference in units of `step`.
double steps_apart(const ByteCase& c, double step) {
  Network network = network_of(c);
  fold_constants(network);
  merge_common(network);
  drop_dead(network);
  run_bound_passes(network, 2);
  const std::vector<Tensor> actual = run(network, c.inputs);
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  double apart = 0;
  for (size_t i = 0; i < actual.size(); ++i)
    for (size_t k = 0; k < expected[i].values.size(); ++k)
      apart = std::max(apart, std::abs(actual[i].data<float>()[k] - expected[i].values[k]));
  return apart / step;
}

int64_t fused_convolutions(const ByteCase& c) {
  Network network = network_of(c);
  fold_constants(network);
  merge_common(network);
  drop_dead(network);
  run_bound_passes(network, 2);
  return byte_convolutions(network);
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
    const Value x = c.through_bytes(image, scale, random_type(c));
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
    if (to_bytes) y = c.through_bytes(y, scale, random_type(c));
    c.graph.output("y", y);
    EXPECT_LE(steps_apart(c, scale), to_bytes ? 1.001 : 0.01) << c.description;
    fused += fused_convolutions(c);
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
    const Value x = c.through_bytes(image, scale, DataType::u8);
    Value y = c.through_bytes(c.graph.add(op::Relu{}, {c.byte_conv(x, channels, channels, 3, same)}), scale,
                              DataType::u8);
    y = c.byte_conv(y, channels, channels, 1);
    if (c.random.chance(0.5)) y = c.through_bytes(y, scale, DataType::i8);
    y = c.graph.add(op::Relu{}, {c.graph.add(op::Add{}, {x, y})});
    y = c.through_bytes(y, scale, DataType::u8);
    const Value pooled = c.through_bytes(
        c.graph.add(op::MaxPool{.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}}, {y}), scale,
        DataType::u8);
    y = c.through_bytes(c.graph.add(op::Concat{}, {y, pooled}), scale, DataType::u8);
    c.graph.output("y", c.byte_conv(y, 2 * channels, 7, 1));
    EXPECT_LE(steps_apart(c, scale), 4) << c.description;  // a few roundings differ by one step

    Network network = network_of(c);
    fold_constants(network);
    merge_common(network);
    drop_dead(network);
    run_bound_passes(network, 2);
    EXPECT_EQ(network.layers.size(), 6u) << "quantize, 3 convolutions, pool, concatenation";
    EXPECT_EQ(byte_convolutions(network), 3);
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

// Whatever is not worth fusing stays right: zero points, outputs of bytes, scales by channel.
TEST(QuantizedGraphs, OthersRunAsTheyAre) {
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
