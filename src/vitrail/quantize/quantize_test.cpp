// A small random network, quantised: what is written, how near the bytes stay, and what is kept.

#include "vitrail/quantize/quantize.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/engine/test_graphs.h"
#include "vitrail/quantize/histogram.h"
#include "vitrail/quantize/points.h"
#include "vitrail/quantize/rewrite.h"

namespace vitrail {
namespace {

using engine_test::Case;

// An encoder as they are: convolutions with batch normalisation, a residual block, a pool, a concatenation.
Case small_network(uint64_t seed) {
  Case c(seed);
  const op::Conv same{.pads = {1, 1, 1, 1}};
  Graph& graph = c.graph;
  const auto block = [&](Value x, int64_t in, int64_t out, int64_t kernel, op::Conv conv) {
    return graph.add(op::Relu{}, {c.batch_norm(c.conv(x, in, out, kernel, conv), out)});
  };
  const Value image = c.input({1, 3, 24, 32});
  Value x = block(image, 3, 16, 3, {.strides = {2, 2}, .pads = {1, 1, 1, 1}});
  op::Conv depthwise = same;
  depthwise.group = 16;
  const Value y = block(block(x, 16, 16, 3, depthwise), 16, 16, 1, {});
  const Value sum = graph.add(op::Add{}, {c.batch_norm(c.conv(y, 16, 16, 3, same), 16), x});
  x = graph.add(op::Clip{0, 6}, {sum});
  const Value pooled = graph.add(op::MaxPool{{3, 3}, {1, 1}, {1, 1, 1, 1}}, {x});
  const Value joined = graph.add(op::Concat{}, {x, pooled});
  const Value logits = c.conv(block(joined, 32, 16, 3, same), 16, 5, 1);
  graph.output("logits", graph.add(op::Resize{}, {logits, image}));
  return c;
}

Model model_of(const Case& c) {
  Model model;
  model.graph = c.graph;
  model.weights = c.weights;
  return model;
}

CalibrationSet random_inputs(int64_t count, uint64_t seed) {
  return {count, [seed](int64_t i) {
            Random random = Random(seed).fork(static_cast<uint64_t>(i));
            return engine_test::random_tensor(random, {1, 3, 24, 32});
          }};
}

double signal_to_noise(const Tensor& exact, const Tensor& noisy) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < exact.data<float>().size(); ++i) {
    signal += std::pow(exact.data<float>()[i], 2);
    noise += std::pow(exact.data<float>()[i] - noisy.data<float>()[i], 2);
  }
  return 10 * std::log10(signal / std::max(noise, 1e-30));
}

TEST(Quantize, BytesStayNearTheFloats) {
  for (const CalibrationMethod method :
       {CalibrationMethod::automatic, CalibrationMethod::percentile, CalibrationMethod::entropy}) {
    // Entropy cares for the distribution, not for the square of what it cuts off.
    const double least = method == CalibrationMethod::entropy ? 8 : 18;
    const Case c = small_network(1);
    const Model model = model_of(c);
    const QuantizedModel result = quantized(model, random_inputs(4, 3), {.method = method});
    EXPECT_EQ(result.layers.size(), 6u);
    for (const QuantizedLayer& layer : result.layers) {
      EXPECT_GE(layer.noise_db, least) << layer.name;
      EXPECT_FALSE(layer.kept) << layer.name;
    }
    const Tensor exact = Engine(model.graph, model.weights).run(c.inputs)[0];
    const Tensor bytes = Engine(result.model.graph, result.model.weights).run(c.inputs)[0];
    EXPECT_GE(signal_to_noise(exact, bytes), least);
    EXPECT_LE(signal_to_noise(exact, bytes), 80) << "nothing was quantised";
  }
}

// The engine's bytes against the plain meaning of the file's operators.
TEST(Quantize, TheEngineComputesWhatTheGraphSays) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Case c = small_network(10 + seed);
    const QuantizedModel result = quantized(model_of(c), random_inputs(4, seed));
    const Tensor bytes = Engine(result.model.graph, result.model.weights).run(c.inputs)[0];
    const reference::Array expected = reference::run(result.model.graph, result.model.weights, c.inputs)[0];
    Tensor plain = Tensor::empty(DataType::f32, bytes.shape());
    for (size_t i = 0; i < expected.values.size(); ++i)
      plain.data<float>()[i] = static_cast<float>(expected.values[i]);
    // Roundings that fall the other way are of single bytes: well below what quantising costs.
    EXPECT_GE(signal_to_noise(plain, bytes), 35) << c.description;
  }
}

TEST(Quantize, TheEngineUsesBytesThroughout) {
  const Case c = small_network(2);
  const QuantizedModel result = quantized(model_of(c), random_inputs(4, 1));
  const ProgramReport report = Engine(result.model.graph, result.model.weights).report({{1, 3, 24, 32}});
  int64_t bytes = 0, floats = 0;
  for (const StepReport& step : report.steps) {
    if (step.kind == "convolution") ++(step.kernel.ends_with("int8") ? bytes : floats);
    EXPECT_NE(step.kernel, "reference") << step.name;
    EXPECT_FALSE(step.is_slow()) << step.name << " " << step.kernel;
  }
  if (bytes == 0) GTEST_SKIP() << "this machine (or ONEDNN_MAX_CPU_ISA) has no VNNI";
  EXPECT_EQ(bytes, 6);
  EXPECT_EQ(floats, 0);
}

// Layers become floats again, the worst first, until the score is met; what was asked for stays floats.
TEST(Quantize, LayersAreKeptUntilTheScoreIsMet) {
  const Case c = small_network(4);
  const Model model = model_of(c);
  const Tensor exact = Engine(model.graph, model.weights).run(c.inputs)[0];
  const auto score = [&](const Model& m) {
    return std::min(100.0, signal_to_noise(exact, Engine(m.graph, m.weights).run(c.inputs)[0]));
  };
  QuantizeOptions options{.score = score};
  options.max_loss = 1000;
  const QuantizedModel all = quantized(model, random_inputs(6, 2), options);
  EXPECT_TRUE(
      std::none_of(all.layers.begin(), all.layers.end(), [](const auto& layer) { return layer.kept; }));

  options.max_loss = *all.score_before - *all.score_after - 1;
  const QuantizedModel some = quantized(model, random_inputs(6, 2), options);
  EXPECT_LE(*some.score_before - *some.score_after, options.max_loss);
  double worst_kept = 1000, best_quantized = 0, least = 1000;
  for (const QuantizedLayer& layer : some.layers) {
    if (layer.kept) worst_kept = std::min(worst_kept, layer.noise_db);
    if (!layer.kept) best_quantized = std::max(best_quantized, layer.noise_db);
    least = std::min(least, layer.noise_db);
  }
  EXPECT_EQ(worst_kept, least);
  EXPECT_GT(best_quantized, 0) << "nothing was quantised";

  const std::string name = all.layers[2].name;
  const QuantizedModel asked = quantized(model, random_inputs(2, 2), {.keep = {name}});
  EXPECT_TRUE(asked.layers[2].kept);
  EXPECT_THROW(quantized(model, random_inputs(2, 2), {.keep = {"no such layer"}}), Error);
  EXPECT_THROW(quantized(model, random_inputs(0, 2), {}), Error);
  EXPECT_THROW(quantized(all.model, random_inputs(2, 2), {}), Error) << "it is quantised already";
}

// Weights come back within half a step, and a bias that is huge beside its weights still fits 32 bits.
TEST(Quantize, WeightsByRow) {
  Random random(5);
  const Tensor weight = engine_test::random_tensor(random, {7, 4, 3, 3}, -2, 2);
  const ByteWeight bytes = byte_weight(weight);
  for (size_t i = 0; i < weight.data<float>().size(); ++i) {
    const float scale = bytes.scales.data<float>()[i / 36];
    EXPECT_LE(std::abs(weight.data<float>()[i] - bytes.bytes.data<int8_t>()[i] * scale), 0.501 * scale);
  }
  const ByteWeight dead = byte_weight(Tensor::zeros(DataType::f32, {2, 4, 1, 1}), {0.25f, 0});
  EXPECT_EQ(dead.scales.data<float>()[0], 0.25f);
  EXPECT_EQ(dead.scales.data<float>()[1], 1);
}

TEST(Histogram, Percentiles) {
  Histogram histogram;
  std::vector<float> values;
  for (int i = 1; i <= 1000; ++i)
    values.push_back(static_cast<float>(i % 2 ? i : -i));
  histogram.add(std::span(values).first(10));  // the range grows as larger values come
  histogram.add(std::span(values).subspan(10));
  histogram.add(
      std::vector<float>{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  EXPECT_EQ(histogram.count(), 1000);
  EXPECT_EQ(histogram.largest(), 1000);
  EXPECT_TRUE(histogram.has_negative());
  EXPECT_NEAR(percentile_threshold(histogram, 90), 900, 2);
  EXPECT_NEAR(percentile_threshold(histogram, 100), 1000, 1e-6);
}

// Of a normal distribution with one far value, entropy keeps the bulk and cuts the far value off.
TEST(Histogram, EntropyCutsOffWhatIsRare) {
  Random random(6);
  Histogram histogram;
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i)
    values.push_back(static_cast<float>(random.normal()));
  values.push_back(40);
  histogram.add(values);
  const double threshold = entropy_threshold(histogram, 128);
  EXPECT_GT(threshold, 2);
  EXPECT_LT(threshold, 20);
}

TEST(QuantizationPoints, TermsOfASumAndPartsOfAConcatenation) {
  const Model model = model_of(small_network(7));
  const QuantizationPoints points = quantization_points(model, {});
  EXPECT_EQ(points.convolutions.size(), 6u);
  const Graph& graph = model.graph;
  for (const Node& node : graph.nodes()) {
    const bool together =
        std::holds_alternative<op::MaxPool>(node.op) || std::holds_alternative<op::Concat>(node.op);
    for (const Value input : node.inputs) {
      if (together) {
        EXPECT_EQ(points.group[static_cast<size_t>(input.id)],
                  points.group[static_cast<size_t>(node.outputs[0].id)]);
      }
      if (std::holds_alternative<op::Add>(node.op)) {
        EXPECT_TRUE(points.is_rounded(input));
      }
    }
    if (std::holds_alternative<op::Relu>(node.op)) {
      EXPECT_TRUE(is_never_negative(graph, node.outputs[0]));
    }
    if (std::holds_alternative<op::Add>(node.op)) {
      EXPECT_FALSE(is_never_negative(graph, node.outputs[0]));
    }
  }
}

}  // namespace
}  // namespace vitrail
