#pragma once
// What was read from other tools' files, written again: ONNX Runtime computes the same from both.

#include "cross/foreign_nodes.h"

namespace vitrail::foreign {

inline void expect_the_same_written_again(const std::vector<Case>& cases, double tolerance = 1e-5) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const Tensor x = random_tensor({1, 4, 6, 8}, 7, -1, 1);
  std::vector<RuntimeJob> jobs;
  for (const Case& test : cases) {
    jobs.push_back({file_of(test.body, test.opset), {{"x", x}}});
    jobs.push_back({onnx_bytes(onnx_from_bytes(jobs.back().onnx, test.name)), {{"x", x}}});
  }
  const std::vector<RuntimeResult> results = run_onnx_runtime(jobs);
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].name);
    const RuntimeResult &read = results[2 * i], &written = results[2 * i + 1];
    ASSERT_EQ(read.error, "");
    ASSERT_EQ(written.error, "");
    EXPECT_LE(relative_difference(written.outputs.at(0), read.outputs.at(0)), tolerance);
  }
}

}  // namespace vitrail::foreign
