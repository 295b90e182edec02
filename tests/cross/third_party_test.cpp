// Models that other people made with other tools (the data folder beside the sources): the engine agrees with
// ONNX Runtime and with the outputs that are stored beside them.

#include <filesystem>

#include <gtest/gtest.h>
#include <operator_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(VITRAIL_SOURCE_DIR) / ".." / "shared" / "data" / "onnx";
constexpr double kClose = 1e-4;

// The input that the stored outputs were computed with: i / n, row by row.
Tensor ramp(const Shape& shape) {
  Tensor tensor = Tensor::empty(DataType::f32, shape);
  const auto values = tensor.data<float>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(values.size()));
  return tensor;
}

Tensor engine_output(const Model& model, const Tensor& input) {
  const Engine engine(model.graph, model.weights);
  return engine.run({input}).at(0);
}

void expect_like_onnx_runtime(const fs::path& path, const Model& model, const Tensor& input,
                              const Tensor& ours, double least = std::numeric_limits<double>::min()) {
  if (!why_no_onnx_runtime().empty()) return;  // the test that follows says so
  const std::vector<RuntimeResult> theirs =
      run_onnx_runtime({{read_file(path), {{model.graph.inputs()[0].name, input}}}});
  ASSERT_EQ(theirs[0].error, "");
  EXPECT_LE(relative_difference(ours, theirs[0].outputs.at(0), least), kClose);
}

class LightModels : public testing::TestWithParam<const char*> {};

TEST_P(LightModels, GiveTheirStoredOutputs) {
  const fs::path path = kModels / "light" / cat("light_", GetParam(), ".onnx");
  if (!fs::exists(path)) GTEST_SKIP() << "there is no " << path;
  const Model model = read_onnx(path);
  const Tensor input = ramp(model.graph.shape(model.graph.inputs()[0].value));
  const Tensor ours = engine_output(model, input);
  onnx::TensorProto stored;
  ASSERT_TRUE(
      stored.ParseFromString(read_file(kModels / "light" / cat("light_", GetParam(), "_output_0.pb"))));
  EXPECT_LE(relative_difference(ours, onnx_files::tensor_from_proto(stored, "stored")), kClose);
  expect_like_onnx_runtime(path, model, input, ours);
}

INSTANTIATE_TEST_SUITE_P(ThirdParty, LightModels,
                         testing::Values("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2",
                                         "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"),
                         [](const auto& test) { return std::string(test.param); });

// The outputs are probabilities: far from any text they are below what ONNX Runtime's sigmoid resolves
// (1e-8), so that differences are seen against 1.
void check_at(const char* name, const Shape& shape) {
  const fs::path path = kModels / name;
  if (!fs::exists(path)) GTEST_SKIP() << "there is no " << path;
  const Model model = read_onnx(path);
  const Tensor input = random_tensor(shape, 5, 0, 1);
  const Tensor ours = engine_output(model, input);
  expect_like_onnx_runtime(path, model, input, ours, 1);
  const Model again = onnx_from_bytes(onnx_bytes(model), "again");
  EXPECT_LE(relative_difference(engine_output(again, input), ours), 1e-5) << "written and read again";
}

TEST(ThirdParty, PortraitSegmentation) {
  check_at("portrait_prisma.onnx", {1, 3, 256, 256});
}
TEST(ThirdParty, TextDetection) {
  check_at("text_det_ppocrv4.onnx", {1, 3, 96, 160});
}
TEST(ThirdParty, TextDetectionOfTwoPicturesOfAnotherSize) {
  check_at("text_det_ppocrv4.onnx", {2, 3, 160, 64});
}
TEST(ThirdParty, OnnxRuntimeWasAsked) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
}

}  // namespace
}  // namespace vitrail
