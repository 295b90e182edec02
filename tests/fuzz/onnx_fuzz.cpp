// What untrusted ONNX bytes go through: reading, writing back, shapes, compiling under a memory budget, and a
// run where that is short. libFuzzer's entry point; mutation_driver.cpp calls it where there is no libFuzzer.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "vitrail/base/error.h"
#include "vitrail/engine/engine.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/onnx.h"

namespace {

using namespace vitrail;

constexpr int64_t kMostConstantBytes = 32 << 20;
constexpr int64_t kOpenSize = 12;           // of a dimension that the file leaves open
constexpr int64_t kMostElements = 1 << 22;  // of one value, for those that are compiled
constexpr int64_t kMemoryBudget = 256 << 20;
constexpr int64_t kMostMultiplyAdds = 1 << 24;  // of those that are run, on plain loops if need be

Shape tried(Shape shape) {
  for (int64_t& size : shape)
    if (size < 0) size = kOpenSize;
  return shape;
}

Tensor filled(DataType type, const Shape& shape) {
  Tensor tensor = Tensor::zeros(type, shape);
  if (type != DataType::f32) return tensor;
  float value = -1;
  for (float& element : tensor.data<float>())
    element = value = value > 1 ? -1 : value + 0.37f;
  return tensor;
}

void compile_and_run(const Model& model) {
  std::map<std::string, Shape> by_name;
  std::vector<Shape> shapes;
  for (const Input& input : model.graph.inputs()) {
    shapes.push_back(tried(model.graph.shape(input.value)));
    by_name[input.name] = shapes.back();
  }
  const ShapeTable table = infer_shapes(model.graph, by_name);
  for (int32_t id = 0; id < model.graph.value_count(); ++id)
    if (element_count(table[{id}]) > kMostElements) return;  // sound, and too large for a fuzzer
  const Engine engine(model.graph, model.weights, {.threads = 1, .memory_limit = kMemoryBudget});
  const auto is_loop = [](const Node& node) { return std::holds_alternative<op::Loop>(node.op); };
  if (std::any_of(model.graph.nodes().begin(), model.graph.nodes().end(), is_loop)) return;  // may run long
  int64_t multiply_adds = 0;
  for (const StepReport& step : engine.report(shapes).steps)
    multiply_adds += step.multiply_adds;
  if (multiply_adds > kMostMultiplyAdds) return;
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < shapes.size(); ++i)
    inputs.push_back(filled(model.graph.type(model.graph.inputs()[i].value), shapes[i]));
  engine.run(inputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Model model = onnx_from_bytes(bytes, "fuzz.onnx", {.most_constant_bytes = kMostConstantBytes});
    try {
      const std::string again = onnx_bytes(model);
      onnx_from_bytes(again, "again.onnx", {.most_constant_bytes = kMostConstantBytes});
    } catch (const Error&) {  // not every sound graph has words in operator set 17
    }
    compile_and_run(model);
  } catch (const Error&) {  // the one way to say no
  }
  return 0;
}
