// Every operator and attribute: our slow interpreter, our engine and ONNX Runtime agree about the exported
// file and about the graph that is read back from it.

#include <cmath>

#include <gtest/gtest.h>
#include <reference_interpreter.h>
#include <tensor_operator_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

Tensor reference_of(const Model& model, const Tensor& image) {
  const reference::Array array = reference::run(model.graph, model.weights, {image})[0];
  Tensor tensor = Tensor::empty(model.graph.type(model.graph.outputs()[0].value), array.shape);
  for (size_t i = 0; i < array.values.size(); ++i) {
    if (tensor.type() == DataType::i64)
      tensor.data<int64_t>()[i] = std::llround(array.values[i]);
    else
      tensor.data<float>()[i] = static_cast<float>(array.values[i]);
  }
  return tensor;
}

OnnxExportOptions fixed_to(const Shape& input) {
  return {.batch = input[0], .height = input[2], .width = input[3]};
}

constexpr double kClose = 1e-5;

TEST(Operators, FilesReadBackMeanTheSame) {
  for (const OperatorModel& small : all_operator_models()) {
    SCOPED_TRACE(small.name);
    const Tensor image = random_tensor(small.input, 3);
    const Tensor expected = reference_of(small.model, image);
    const Model open = onnx_from_bytes(onnx_bytes(small.model), small.name);
    EXPECT_LE(relative_difference(reference_of(open, image), expected), kClose);
    const Model open_batch = onnx_from_bytes(
        onnx_bytes(small.model, {.height = small.input[2], .width = small.input[3]}), small.name);
    EXPECT_LE(relative_difference(reference_of(open_batch, image), expected), kClose);
    const Model fixed = onnx_from_bytes(onnx_bytes(small.model, fixed_to(small.input)), small.name);
    EXPECT_LE(relative_difference(reference_of(fixed, image), expected), kClose);
  }
}

TEST(Operators, EngineAgreesWithInterpreter) {
  for (const OperatorModel& small : all_operator_models()) {
    SCOPED_TRACE(small.name);
    const Tensor image = random_tensor(small.input, 3);
    const Engine engine(small.model.graph, small.model.weights);
    EXPECT_LE(relative_difference(engine.run({image})[0], reference_of(small.model, image)), kClose);
  }
}

void compare_with_onnx_runtime(OnnxExportOptions (*options)(const Shape& input)) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const std::vector<OperatorModel> models = all_operator_models();
  std::vector<RuntimeJob> jobs;
  for (const OperatorModel& small : models)
    jobs.push_back(
        {onnx_bytes(small.model, options(small.input)), {{"image", random_tensor(small.input, 3)}}});
  const std::vector<RuntimeResult> results = run_onnx_runtime(jobs);
  ASSERT_EQ(results.size(), models.size());
  for (size_t i = 0; i < models.size(); ++i) {
    SCOPED_TRACE(models[i].name);
    EXPECT_EQ(results[i].error, "");
    if (results[i].outputs.size() == 1) {
      const Tensor expected = reference_of(models[i].model, jobs[i].inputs[0].second);
      EXPECT_EQ(results[i].outputs[0].shape(), expected.shape());
      EXPECT_LE(relative_difference(results[i].outputs[0], expected), kClose);
    }
  }
}

TEST(Operators, OnnxRuntimeAgreesAtOpenSizes) {
  compare_with_onnx_runtime([](const Shape&) { return OnnxExportOptions{}; });
}
TEST(Operators, OnnxRuntimeAgreesAtFixedSizes) {
  compare_with_onnx_runtime(fixed_to);
}
TEST(Operators, OnnxRuntimeAgreesWhereOnlyTheBatchIsOpen) {
  compare_with_onnx_runtime(
      [](const Shape& input) { return OnnxExportOptions{.height = input[2], .width = input[3]}; });
}

}  // namespace
}  // namespace vitrail
