// Every registered network: what the engine computes is what ONNX Runtime computes from the exported file.

#include <gtest/gtest.h>
#include <operator_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "lively_weights.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/instance/input_shapes.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/weights/instance_info.h"

namespace vitrail {
namespace {

constexpr double kClose = 1e-4;
constexpr double kReadBack = 1e-5;  // a last bit here and there, over a hundred layers

// Of both kinds.
std::vector<NetEntry> every_net() {
  std::vector<NetEntry> all = nets();
  all.insert(all.end(), instance_nets().begin(), instance_nets().end());
  return all;
}

using NamedInputs = std::vector<std::pair<std::string, Tensor>>;

// In the graph's order; the image is the first.
NamedInputs inputs_of(const NetEntry& net, const Model& model) {
  const int64_t height = std::max<int64_t>(97, net.smallest_side),
                width = std::max<int64_t>(131, net.smallest_side);
  NamedInputs inputs;
  if (model.info.task == Task::semantic) {
    inputs.emplace_back(model.graph.inputs()[0].name,
                        random_tensor({1, image_channels(model.graph), height, width}, 5));
    return inputs;
  }
  const std::map<std::string, Shape> shapes = instance_input_shapes(model, height, width, 2);
  for (const Input& input : model.graph.inputs())
    inputs.emplace_back(input.name, random_tensor(shapes.at(input.name), 5 + inputs.size()));
  return inputs;
}

std::vector<Tensor> run(const Model& model, const NamedInputs& inputs) {
  std::vector<Tensor> values;
  for (const auto& [name, tensor] : inputs)
    values.push_back(tensor);
  return Engine(model.graph, model.weights).run(values);
}

Model lively_net(const NetEntry& net) {
  Model model = build_quick(net, 5);
  Random random(12);
  model.weights = lively_weights(model.graph, random, -0.2, 0.2);
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
  ASSERT_FALSE(instance_nets().empty());
  double worst = 0;
  for (const NetEntry& net : every_net()) {
    SCOPED_TRACE(net.name);
    const Model model = lively_net(net);
    const NamedInputs inputs = inputs_of(net, model);
    const Tensor& image = inputs[0].second;
    const OnnxExportOptions fixed{.batch = 1, .height = image.size(2), .width = image.size(3)};
    const std::string open_file = onnx_bytes(model), fixed_file = onnx_bytes(model, fixed);
    const std::vector<RuntimeResult> results = run_onnx_runtime({{open_file, inputs}, {fixed_file, inputs}});
    const std::vector<Tensor> expected = run(model, inputs);
    for (const Tensor& output : expected)
      ASSERT_TRUE(varies(output)) << "the network's output says nothing";
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

// What the shipped models are: kernels of 16 bits. Files of that kind say the same to both runtimes.
TEST(Networks, HalfWeightsMeanTheSameToOnnxRuntime) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const NetEntry& net = find_net("ssd-mobilenet-multi-shape");
  const Model model = lively_net(net);
  const NamedInputs inputs = inputs_of(net, model);
  const std::string file = onnx_bytes(model, {.half_weights = true});
  EXPECT_LT(file.size(), onnx_bytes(model).size());
  const RuntimeResult result = run_onnx_runtime({{file, inputs}}).at(0);
  ASSERT_EQ(result.error, "");
  const std::vector<Tensor> expected = run(onnx_from_bytes(file, "half"), inputs);
  const std::vector<Tensor> whole = run(model, inputs);
  ASSERT_EQ(result.outputs.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(relative_difference(result.outputs[i], expected[i]), kClose);
    const double rounding = relative_difference(whole[i], expected[i]);
    EXPECT_LE(rounding, 0.02);
  }
}

TEST(Networks, FilesReadBackComputeTheSame) {
  for (const NetEntry& net : every_net()) {
    SCOPED_TRACE(net.name);
    const Model model = lively_net(net);
    const NamedInputs inputs = inputs_of(net, model);
    const Model read = onnx_from_bytes(onnx_bytes(model), net.name);
    EXPECT_EQ(instance_to_json(read.info.instance), instance_to_json(model.info.instance));
    EXPECT_EQ(read.info.architecture, model.info.architecture);
    EXPECT_EQ(read.info.classes.size(), model.info.classes.size());
    const std::vector<Tensor> expected = run(model, inputs);
    const std::vector<Tensor> found = run(read, inputs);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LE(relative_difference(found[i], expected[i]), kReadBack);
  }
}

}  // namespace
}  // namespace vitrail
