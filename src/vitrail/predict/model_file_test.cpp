#include "vitrail/predict/model_file.h"

#include <gmock/gmock.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/model_info.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail {
namespace {

using ::testing::HasSubstr;

class ModelFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "vitrail-model-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static Model small_model() {
    Model model = build_net("mobilenet-x0.5-fcn8", {.classes = 2, .set = {{"depth_multiplier", "0.25"}}});
    model.info.classes = {{"a", {1, 2, 3}}, {"b", {4, 5, 6}}};
    model.weights = initial_weights(model.graph, 7);
    return model;
  }
  std::string refusal(const std::string& name) const {
    try {
      read_model(folder / name);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder;
};

void expect_same(const Model& a, const Model& b) {
  EXPECT_EQ(a.info.architecture, b.info.architecture);
  EXPECT_EQ(a.info.classes[1].name, b.info.classes[1].name);
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (const auto& [name, tensor] : a.weights) {
    const Tensor& other = b.weights.at(name);
    ASSERT_EQ(tensor.shape(), other.shape()) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.data<float>(), other.data<float>())) << name;
  }
}

TEST_F(ModelFile, WeightsFindTheirNetworkAndItsOptions) {
  const Model model = small_model();
  write_safetensors(folder / "plain.safetensors", model.weights, metadata_from_info(model.info));
  expect_same(model, read_model(folder / "plain.safetensors"));

  Weights checkpoint;
  for (const auto& [name, tensor] : model.weights)
    checkpoint["model." + name] = tensor;
  checkpoint["optimizer.step"] = Tensor::zeros(DataType::i64, {1});
  write_safetensors(folder / "checkpoint.safetensors", checkpoint, metadata_from_info(model.info));
  expect_same(model, read_model(folder / "checkpoint.safetensors"));
}

TEST_F(ModelFile, OnnxFilesAreReadToo) {
  const Model model = small_model();
  write_onnx(folder / "model.onnx", model);
  EXPECT_EQ(read_model(folder / "model.onnx").info.architecture, "mobilenet-x0.5-fcn8");
}

TEST_F(ModelFile, PreprocessingIsKeptWithoutClassNames) {
  Model model = small_model();
  model.info.classes.clear();
  write_onnx(folder / "unnamed.onnx", model);
  const ModelInfo read = read_model(folder / "unnamed.onnx").info;
  EXPECT_TRUE(read.classes.empty());
  EXPECT_EQ(read.preprocessing.mean, model.info.preprocessing.mean);
  EXPECT_EQ(read.preprocessing.multiple, model.info.preprocessing.multiple);
  write_safetensors(folder / "unnamed.safetensors", model.weights, metadata_from_info(model.info));
  EXPECT_THAT(refusal("unnamed.safetensors"), HasSubstr("classes are not named"));
}

TEST_F(ModelFile, EveryMissingOrMisshapenParameterIsNamed) {
  Model model = small_model();
  const std::string first = model.weights.begin()->first, last = model.weights.rbegin()->first;
  model.weights.erase(first);
  model.weights[last] = Tensor::zeros(DataType::f32, {9, 9});
  write_safetensors(folder / "damaged.safetensors", model.weights, metadata_from_info(model.info));
  const std::string text = refusal("damaged.safetensors");
  for (const std::string& word :
       {std::string("damaged.safetensors"), first + " is missing", last + " is 9x9"})
    EXPECT_THAT(text, HasSubstr(word));
}

TEST_F(ModelFile, FilesThatAreNoModelsAreNamed) {
  write_safetensors(folder / "bare.safetensors", small_model().weights);
  EXPECT_THAT(refusal("bare.safetensors"), HasSubstr("metadata"));
  EXPECT_THAT(refusal("missing.onnx"), HasSubstr("there is no such file"));
  std::filesystem::create_directory(folder / "folder.onnx");
  EXPECT_THAT(refusal("folder.onnx"), HasSubstr("not a file"));
  EXPECT_THAT(refusal("model.pth"), HasSubstr(".safetensors"));
}

}  // namespace
}  // namespace vitrail
