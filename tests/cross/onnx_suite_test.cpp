// ONNX's own node tests (Debian package libonnx-testdata): for every one that uses only operators that we
// have, the file is read and computes the outputs that come with it, in the engine and in the interpreter.

#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <gtest/gtest.h>
#include <reference_interpreter.h>

#include "cross/compare.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const fs::path kSuite = "/usr/share/libonnx-testdata/data/node";

onnx::TensorProto tensor_file(const fs::path& path) {
  onnx::TensorProto proto;
  EXPECT_TRUE(proto.ParseFromString(read_file(path))) << path;
  return proto;
}

// These expect align_corners to count with an output size that was not rounded (scale x input); ONNX Runtime,
// PyTorch and we count with the size that there is.
const std::set<std::string> kOtherwise{"test_resize_downsample_scales_linear_align_corners",
                                       "test_resize_downsample_scales_cubic_align_corners"};

struct SuiteCase {
  std::string bytes;
  Tensor input, output;
};

// The case with every input but the first as an initialiser, as a trained network has its weights.
std::optional<SuiteCase> load_case(const fs::path& folder) {
  onnx::ModelProto model;
  const fs::path data = folder / "test_data_set_0";
  if (!model.ParseFromString(read_file(folder / "model.onnx")) || !fs::exists(data / "output_0.pb"))
    return {};
  onnx::GraphProto& graph = *model.mutable_graph();
  if (graph.input_size() < 1 || graph.output_size() != 1 || !fs::exists(data / "input_0.pb")) return {};
  for (const auto* values : {&graph.input(), &graph.output()})
    for (const onnx::ValueInfoProto& value : *values)
      if (!value.type().has_tensor_type()) return {};
  for (int i = 1; i < graph.input_size(); ++i) {
    const fs::path file = data / cat("input_", i, ".pb");
    if (!fs::exists(file)) return {};
    *graph.add_initializer() = tensor_file(file);
    graph.mutable_initializer(graph.initializer_size() - 1)->set_name(graph.input(i).name());
  }
  SuiteCase loaded{.bytes = model.SerializeAsString(),
                   .input = onnx_files::tensor_from_proto(tensor_file(data / "input_0.pb"), "input"),
                   .output = onnx_files::tensor_from_proto(tensor_file(data / "output_0.pb"), "output")};
  return loaded.input.defined() && loaded.output.defined() ? std::optional(loaded) : std::nullopt;
}

Tensor interpreted(const Model& model, const Tensor& input) {
  const reference::Array array = reference::run(model.graph, model.weights, {input})[0];
  if (model.graph.type(model.graph.outputs()[0].value) == DataType::i64)
    return Tensor::from<int64_t>(array.shape, std::vector<int64_t>(array.values.begin(), array.values.end()));
  return Tensor::from<float>(array.shape, std::vector<float>(array.values.begin(), array.values.end()));
}

TEST(OnnxSuite, EveryNodeTestOfOurOperatorsHolds) {
  if (!fs::exists(kSuite)) GTEST_SKIP() << "ONNX's test data is not installed: libonnx-testdata";
  std::map<std::string, int> held;  // by operator
  for (const fs::directory_entry& entry : fs::directory_iterator(kSuite)) {
    const std::string name = entry.path().filename().string();
    SCOPED_TRACE(name);
    const std::optional<SuiteCase> suite_case = load_case(entry.path());
    if (!suite_case || kOtherwise.contains(name)) continue;
    std::optional<Model> model;
    try {
      model = onnx_from_bytes(suite_case->bytes, name);
    } catch (const Error&) {  // not our operators, or one that is not for images
      continue;
    }
    if (model->graph.nodes().empty()) continue;
    EXPECT_LE(relative_difference(interpreted(*model, suite_case->input), suite_case->output), 1e-4);
    const bool is_map = suite_case->input.shape().size() == 4;
    if (is_map) {
      const Engine engine(model->graph, model->weights);
      EXPECT_LE(relative_difference(engine.run({suite_case->input})[0], suite_case->output), 1e-4);
    }
    ++held[std::string(type_name(model->graph.nodes()[0].op))];
  }
  for (const auto& [type, count] : held)
    RecordProperty(type, count);
  for (const char* type : {"Conv", "ConvTranspose", "BatchNormalization", "MaxPool", "AveragePool", "Resize",
                           "Pad", "Clip", "Softmax", "ArgMax", "Add", "Mul", "Concat"})
    EXPECT_GT(held[type], 0) << "no test of " << type << " was read";
}

}  // namespace
}  // namespace vitrail
