// Networks of bytes: ONNX Runtime reads the file that quantisation writes, and computes what the engine does.

#include <cmath>

#include <gtest/gtest.h>
#include <operator_models.h>

#include "cross/onnx_runtime.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/quantize/quantize.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

constexpr int64_t kHeight = 96, kWidth = 128;

Model quantized_net(const char* name) {
  Model model = build_net(name, {.classes = 5});
  model.weights = initial_weights(model.graph, 3);
  for (int i = 0; i < 5; ++i)
    model.info.classes.push_back({cat("class ", i), {}});
  const CalibrationSet noise{3, [](int64_t i) {
                               return random_tensor({1, 3, kHeight, kWidth}, static_cast<uint64_t>(20 + i));
                             }};
  return quantized(model, noise).model;
}

double signal_to_noise(const Tensor& exact, const Tensor& other) {
  double signal = 0, noise = 0;
  const auto a = exact.data<float>(), b = other.data<float>();
  for (size_t i = 0; i < a.size(); ++i) {
    signal += std::pow(a[i], 2);
    noise += std::pow(a[i] - b[i], 2);
  }
  return 10 * std::log10(signal / std::max(noise, 1e-30));
}

TEST(QuantizedNetworks, OnnxRuntimeComputesFromTheFileWhatTheEngineComputes) {
  if (const std::string reason = why_no_onnx_runtime(); !reason.empty()) GTEST_SKIP() << reason;
  const Tensor image = random_tensor({1, 3, kHeight, kWidth}, 9);
  for (const char* name : {"mobilenet-x0.5-fcn8", "fcn8s-resnet50"}) {
    SCOPED_TRACE(name);
    const Model model = quantized_net(name);
    const std::string file = onnx_bytes(model), input = model.graph.inputs()[0].name;
    const std::vector<RuntimeResult> results = run_onnx_runtime({{file, {{input, image}}}});
    ASSERT_EQ(results.at(0).error, "");
    const Tensor ours = Engine(model.graph, model.weights).run({image}).at(0);
    ASSERT_EQ(ours.shape(), results[0].outputs.at(0).shape());
    // A rounding that falls the other way moves one byte by one; many layers make more of it.
    EXPECT_GE(signal_to_noise(results[0].outputs[0], ours), 25);

    const Model back = onnx_from_bytes(file, "quantised");
    const Tensor again = Engine(back.graph, back.weights).run({image}).at(0);
    EXPECT_GE(signal_to_noise(ours, again), 100) << "the file does not hold what was written";
  }
}

}  // namespace
}  // namespace vitrail
