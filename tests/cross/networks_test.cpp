// Every registered network: what the engine computes is what ONNX Runtime computes from the exported file.

#include <gtest/gtest.h>
#include <operator_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

constexpr double kClose = 1e-4;
constexpr double kReadBack = 1e-5;  // a last bit here and there, over a hundred layers

Shape input_of(const NetEntry& net) {
  return {1, 3, std::max<int64_t>(97, net.smallest_side), std::max<int64_t>(131, net.smallest_side)};
}

// Initial weights, but nothing left at zero or one: a bias or a statistic that is forgotten must show.
Weights lively_weights(const Graph& graph) {
  Weights weights = initial_weights(graph, 11);
  Random random(12);
  for (const Parameter& parameter : graph.parameters()) {
    Tensor tensor = weights.at(parameter.name).clone();
    if (parameter.shape.size() == 1)
      for (float& value : tensor.data<float>())
        value = static_cast<float>(value + random.uniform(-0.2, 0.2));
    weights[parameter.name] = tensor;
  }
  return weights;
}

Model lively_net(const NetEntry& net) {
  Model model = build_quick(net, 5);
  model.weights = lively_weights(model.graph);
  for (int i = 0; i < 5; ++i)
    model.info.classes.push_back({cat("class ", i), {}});
  return model;
}

bool varies(const Tensor& tensor) {
  const auto values = tensor.data<float>();
  return std::any_of(values.begin(), values.end(), [&](float value) { return value != values[0]; });
}

TEST(Networks, OnnxRuntimeComputesFromTheFileWhatTheEngineComputes) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  ASSERT_FALSE(nets().empty());
  double worst = 0;
  for (const NetEntry& net : nets()) {
    SCOPED_TRACE(net.name);
    const Tensor image = random_tensor(input_of(net), 5);
    const Model model = lively_net(net);
    const OnnxExportOptions fixed{.batch = 1, .height = image.size(2), .width = image.size(3)};
    const std::string open_file = onnx_bytes(model), fixed_file = onnx_bytes(model, fixed);
    const std::string input = model.graph.inputs()[0].name;
    const std::vector<RuntimeResult> results =
        run_onnx_runtime({{open_file, {{input, image}}}, {fixed_file, {{input, image}}}});
    const std::vector<Tensor> expected = Engine(model.graph, model.weights).run({image});
    ASSERT_TRUE(varies(expected[0])) << "the network's output says nothing";
    for (const RuntimeResult& result : results) {
      ASSERT_EQ(result.error, "");
      ASSERT_EQ(result.outputs.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        const double difference = relative_difference(result.outputs[i], expected[i]);
        EXPECT_LE(difference, kClose);
        worst = std::max(worst, difference);
      }
    }
  }
  RecordProperty("worst_relative_difference", cat(worst));
}

TEST(Networks, FilesReadBackComputeTheSame) {
  for (const NetEntry& net : nets()) {
    SCOPED_TRACE(net.name);
    const Tensor image = random_tensor(input_of(net), 5);
    const Model model = lively_net(net);
    const Model read = onnx_from_bytes(onnx_bytes(model), net.name);
    EXPECT_EQ(read.info.architecture, model.info.architecture);
    EXPECT_EQ(read.info.classes.size(), model.info.classes.size());
    const std::vector<Tensor> expected = Engine(model.graph, model.weights).run({image});
    const std::vector<Tensor> found = Engine(read.graph, read.weights).run({image});
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(relative_difference(found[i], expected[i]), kReadBack);
  }
}

}  // namespace
}  // namespace vitrail
