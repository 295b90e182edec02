// ONNX's own tests (Debian package libonnx-testdata): every one that uses only operators that we read is
// read, and computes the outputs that come with it.

#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "cross/compare.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/onnx/operators.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const fs::path kSuite = "/usr/share/libonnx-testdata/data";

// Where we and ONNX Runtime mean something else than the reference of ONNX 1.12.
const std::map<std::string, std::string> kOtherwise{
    // align_corners with an output size that was not rounded (scale x input); we count with the size there is
    {"test_resize_downsample_scales_linear_align_corners", "unrounded output size"},
    {"test_resize_downsample_scales_cubic_align_corners", "unrounded output size"},
    // its indices are those of a smaller result than the one that it asks for
    {"test_maxunpool_export_with_output_shape", "indices of another size"},
};

// What is read and not run, even when only the first input is computed.
const std::set<std::string> kNotRun{
    "test_constantofshape_int_shape_zero",  // the sizes are computed
    "test_constantofshape_int_zeros",
    "test_constantofshape_float_ones",
    "test_range_float_type_positive_delta",
    "test_range_int32_type_negative_delta",
    "test_blackmanwindow_expanded",
    "test_blackmanwindow_symmetric_expanded",
    "test_hammingwindow_expanded",
    "test_hammingwindow_symmetric_expanded",
    "test_hannwindow_expanded",
    "test_hannwindow_symmetric_expanded",
    "test_maxpool_2d_uint8",             // maps of integers
    "test_reshape_allowzero_reordered",  // inputs without elements
    "test_tril_zero",
    "test_triu_zero",
    "test_split_zero_size_splits",
};

onnx::TensorProto tensor_file(const fs::path& path) {
  onnx::TensorProto proto;
  EXPECT_TRUE(proto.ParseFromString(read_file(path))) << path;
  return proto;
}

Tensor tensor_of(const onnx::TensorProto& proto) {
  return onnx_files::computed_tensor(onnx_files::tensor_from_proto(proto, proto.name()));
}

// The suite keeps the bits of bfloat16 as numbers of 16 bits.
onnx::TensorProto typed_file(const fs::path& path, const onnx::ValueInfoProto& value) {
  onnx::TensorProto proto = tensor_file(path);
  if (value.type().tensor_type().elem_type() == onnx::TensorProto::BFLOAT16)
    proto.set_data_type(onnx::TensorProto::BFLOAT16);
  return proto;
}

// What is no number, or infinite, must be so in both.
double difference(const Tensor& found, const Tensor& wanted) {
  if (found.type() != DataType::f32 || found.type() != wanted.type() || found.shape() != wanted.shape())
    return relative_difference(found, wanted);
  Tensor a = found.clone(), b = wanted.clone();
  for (size_t i = 0; i < static_cast<size_t>(a.elements()); ++i) {
    float &x = a.data<float>()[i], &y = b.data<float>()[i];
    if ((std::isnan(x) && std::isnan(y)) || (std::isinf(x) && x == y)) x = y = 0;
  }
  return relative_difference(a, b);
}

struct SuiteCase {
  std::string bytes;
  std::vector<Tensor> inputs, outputs;
  std::set<std::string> types;
};

// The case, where its inputs and outputs are tensors. All inputs but `open` become initialisers, as a trained
// network has its weights and settings.
std::optional<SuiteCase> load_case(const fs::path& folder, int open) {
  onnx::ModelProto model;
  const fs::path data = folder / "test_data_set_0";
  if (!fs::exists(folder / "model.onnx") || !model.ParseFromString(read_file(folder / "model.onnx")))
    return {};
  onnx::GraphProto& graph = *model.mutable_graph();
  for (const auto* values : {&graph.input(), &graph.output()})
    for (const onnx::ValueInfoProto& value : *values)
      if (!value.type().has_tensor_type()) return {};
  std::set<std::string> initialized;
  for (const onnx::TensorProto& tensor : graph.initializer())
    initialized.insert(tensor.name());
  SuiteCase loaded;
  int input = 0;
  for (const onnx::ValueInfoProto& value : graph.input()) {
    if (initialized.contains(value.name())) continue;
    const fs::path file = data / cat("input_", input, ".pb");
    if (!fs::exists(file)) return {};
    if (input++ < open) {
      loaded.inputs.push_back(tensor_of(typed_file(file, value)));
      if (!loaded.inputs.back().defined()) return {};
    } else {
      *graph.add_initializer() = typed_file(file, value);
      graph.mutable_initializer(graph.initializer_size() - 1)->set_name(value.name());
    }
  }
  if (loaded.inputs.empty() || static_cast<int>(loaded.inputs.size()) != open) return {};
  for (int i = 0; i < graph.output_size(); ++i) {
    const fs::path file = data / cat("output_", i, ".pb");
    if (!fs::exists(file)) return {};
    loaded.outputs.push_back(tensor_of(typed_file(file, graph.output(i))));
    if (!loaded.outputs.back().defined()) return {};
  }
  for (const onnx::NodeProto& node : graph.node())
    loaded.types.insert(node.op_type());
  for (onnx::OperatorSetIdProto& opset : *model.mutable_opset_import())
    if (opset.version() < kLeastOnnxOpset) opset.set_version(kLeastOnnxOpset);  // they did not change since
  loaded.bytes = model.SerializeAsString();
  return loaded;
}

// Floats of 16 bits are computed as f32, so that what a conversion to them rounds off is kept.
double tolerance(const std::string& name) {
  return name.find("FLOAT16") != std::string::npos ? 5e-3 : 1e-4;
}

// Whether the case could be read and compiled; then it must hold. With only its first input computed, as in a
// trained network, everything that is read must compile, but for what its name says.
bool holds(const SuiteCase& suite_case, const std::string& name) {
  std::optional<Model> model;
  try {
    model = onnx_from_bytes(suite_case.bytes, name);
  } catch (const Error& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::format) << error.what();
    return false;
  }
  try {
    const Engine engine(model->graph, model->weights);
    const std::vector<Tensor> outputs = engine.run(suite_case.inputs);
    EXPECT_EQ(outputs.size(), suite_case.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i)
      EXPECT_LE(difference(outputs[i], suite_case.outputs[i]), tolerance(name))
          << "output " << i << ": " << to_string(outputs[i].shape()) << " " << name_of(outputs[i].type());
  } catch (const Error& error) {
    const bool is_setting = suite_case.inputs.size() > 1 || kNotRun.contains(name);
    EXPECT_TRUE(is_setting && (error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::shape))
        << "the engine: " << error.what();
    return false;
  }
  return true;
}

TEST(OnnxSuite, EveryTestOfOurOperatorsHolds) {
  if (!fs::exists(kSuite)) GTEST_SKIP() << "ONNX's test data is not installed: libonnx-testdata";
  std::map<std::string, int> held;  // by operator
  int cases = 0, read = 0, runs = 0, volumes = 0;
  for (const char* folder : {"node", "simple", "pytorch-converted", "pytorch-operator"})
    for (const fs::directory_entry& entry : fs::directory_iterator(kSuite / folder)) {
      const std::string name = entry.path().filename().string();
      ++cases;
      if (kOtherwise.contains(name)) continue;
      bool any = false;
      for (const int open : {1, 2, 3}) {  // so many inputs are computed, not weights
        SCOPED_TRACE(cat(folder, "/", name, " with ", open, " inputs"));
        const std::optional<SuiteCase> suite_case = load_case(entry.path(), open);
        if (!suite_case || !holds(*suite_case, name)) continue;
        ++runs;
        if (!any)
          for (const std::string& type : suite_case->types)
            ++held[type];
        any = true;
      }
      read += any ? 1 : 0;
      for (const char* layer : {"Conv3d", "Pool3d", "BatchNorm3d", "pool_3d", "convtranspose_3d"})
        if (name.find(layer) != std::string::npos) {
          EXPECT_TRUE(any) << name << " was not read";
          ++volumes;
        }
    }
  std::cout << "ONNX's own tests: " << read << " of " << cases << " are read and hold, in " << runs
            << " runs\n";
  EXPECT_GE(volumes, 18);
  const std::set<std::string> without_tests{
      "GroupNormalization", "Mish",       "Gelu",      "LpNormalization", "LpPool", "If", "Range",
      "BitwiseAnd",         "BitwiseNot", "BitwiseOr", "BitwiseXor"};
  for (const OnnxOperator& op : onnx_operators())
    if (!op.type.starts_with("vitrail.") && !op.type.starts_with("com.microsoft.") &&
        !without_tests.contains(op.type)) {
      EXPECT_GT(held[op.type], 0) << "no test of " << op.type << " was read";
    }
}

}  // namespace
}  // namespace vitrail
