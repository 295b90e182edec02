#pragma once
// Small files as other tools write them, in protobuf's words, and what ONNX Runtime makes of them.
//
//   expect_like_onnx_runtime({{"Halves", node("Mul", "x half", "y")}});
//
// A file reads "x", f32 [n,4,h,w], and makes "y"; constants() names what else it may read.

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <operator_models.h>

#include "cross/compare.h"
#include "cross/onnx_runtime.h"
#include "onnx/onnx_pb.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"

namespace vitrail::foreign {

inline std::string integers(const char* name, const std::vector<int64_t>& dims,
                            const std::vector<int64_t>& values) {
  std::string text = cat("initializer { name: '", name, "' data_type: 7 ");
  for (const int64_t size : dims)
    text += cat("dims: ", size, " ");
  return text + cat("int64_data: [", join(values), "] } ");
}

inline std::string floats(const char* name, const std::vector<int64_t>& dims,
                          const std::vector<double>& values) {
  std::string text = cat("initializer { name: '", name, "' data_type: 1 ");
  for (const int64_t size : dims)
    text += cat("dims: ", size, " ");
  return text + cat("float_data: [", join(values), "] } ");
}

inline std::string node(const char* type, const std::string& inputs, const std::string& outputs,
                        const std::string& attributes = "") {
  std::string text = cat("node { op_type: '", type, "' ");
  std::istringstream reads(inputs), makes(outputs);
  for (std::string name; reads >> name;)
    text += cat("input: '", name, "' ");
  for (std::string name; makes >> name;)
    text += cat("output: '", name, "' ");
  return text + attributes + "} ";
}

inline std::string whole(const char* name, int64_t value) {
  return cat("attribute { name: '", name, "' type: INT i: ", value, " } ");
}

struct Case {
  std::string name, body;
  int opset = 16;
};

inline std::string word(const char* name, const char* value) {
  return cat("attribute { name: '", name, "' type: STRING s: '", value, "' } ");
}
inline std::string real(const char* name, double value) {
  return cat("attribute { name: '", name, "' type: FLOAT f: ", value, " } ");
}

inline std::string bytes(const char* name, int value) {
  return cat("initializer { name: '", name, "' data_type: 2 int32_data: ", value, " } ");
}

// Two columns of each row.
inline std::vector<int64_t> places() {
  std::vector<int64_t> at;
  for (int64_t i = 0; i < 24; ++i)
    at.insert(at.end(), {i % 4, -1 - i % 3});
  return at;
}

inline std::string constants() {
  std::vector<double> ramp;
  for (int i = 0; i < 2 * 6 * 8; ++i)
    ramp.push_back(0.01 * i - 0.3);
  return integers("zero", {1}, {0}) + integers("one", {1}, {1}) + integers("two", {1}, {2}) +
         integers("four", {1}, {4}) + integers("far", {1}, {int64_t{1} << 40}) + integers("line", {1}, {-1}) +
         integers("scalar2", {}, {2}) + integers("scalar4", {}, {4}) +
         integers("pairs", {2, 2}, {0, 1, 0, -1}) + floats("ramp", {2, 6, 8}, ramp) +
         floats("offon", {2}, {-1, 2}) + floats("half", {}, {0.5}) + floats("third", {1}, {0.3}) +
         integers("places", {1, 4, 6, 2}, places());
}

inline std::string file_of(const std::string& body, int opset) {
  const std::string text =
      cat("ir_version: 8 opset_import { version: ", opset,
          " } opset_import { domain: 'com.microsoft' version: 1 } graph { name: 'g' ", body, constants(),
          "input { name: 'x' type { tensor_type { elem_type: 1 shape { dim { dim_param: 'n' } dim { "
          "dim_value: 4 } "
          "dim { dim_param: 'h' } dim { dim_param: 'w' } } } } } output { name: 'y' type { tensor_type { "
          "elem_type: ",
          body.find("'NonZero'") != std::string::npos && body.find("'GatherND'") == std::string::npos ? 7 : 1,
          " } } } }");
  onnx::ModelProto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return proto.SerializeAsString();
}

inline void expect_like_onnx_runtime(const std::vector<Case>& cases, double tolerance = 1e-5) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const Tensor x = random_tensor({1, 4, 6, 8}, 7, -1, 1);
  std::vector<RuntimeJob> jobs;
  for (const Case& test : cases)
    jobs.push_back({file_of(test.body, test.opset), {{"x", x}}});
  const std::vector<RuntimeResult> theirs = run_onnx_runtime(jobs);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].name);
    ASSERT_EQ(theirs[i].error, "");
    const Model model = onnx_from_bytes(jobs[i].onnx, cases[i].name);
    const Engine engine(model.graph, model.weights);
    for (int again = 0; again < 2; ++again)
      EXPECT_LE(relative_difference(engine.run({x}).at(0), theirs[i].outputs.at(0)), tolerance);
  }
}

}  // namespace vitrail::foreign
