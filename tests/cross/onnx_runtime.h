#pragma once
// ONNX Runtime as an outside oracle: ../onnxruntime/run.mjs in a child process.

#include <string>
#include <utility>
#include <vector>

#include "vitrail/base/tensor.h"

namespace vitrail {

struct RuntimeJob {
  std::string onnx;  ///< the file's bytes
  std::vector<std::pair<std::string, Tensor>> inputs;
};

struct RuntimeResult {
  std::string error;  ///< empty where it ran
  std::vector<Tensor> outputs;
};

/// Why ONNX Runtime cannot be asked here, or "".
std::string why_no_onnx_runtime();

/// Runs all jobs in one process.
std::vector<RuntimeResult> run_onnx_runtime(const std::vector<RuntimeJob>& jobs);

}  // namespace vitrail
