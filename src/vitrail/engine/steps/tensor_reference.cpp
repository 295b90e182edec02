#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/graph/evaluate.h"

namespace vitrail::engine_detail {
namespace {

struct Operand {
  ValueId value = no_value;
  DataType type = DataType::f32;
  Shape shape;
};

// The run's bytes as tensors; nobody writes through them.
std::vector<Tensor> tensors_of(const std::vector<Operand>& operands, const Memory& memory) {
  std::vector<Tensor> tensors;
  for (const Operand& operand : operands)
    tensors.push_back(operand.value == no_value
                          ? Tensor()
                          : Tensor::view(operand.type, operand.shape,
                                         memory.values[static_cast<size_t>(operand.value)], nullptr));
  return tensors;
}

}  // namespace

Step make_reference(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "");
  step.report.kind = type_name(layer.op);
  step.report.kernel = "reference";
  std::vector<Operand> operands;
  for (const ValueId input : layer.inputs) {
    operands.push_back({.value = input});
    if (input == no_value) continue;
    operands.back().type = context.network.value(input).type;
    operands.back().shape = context.shape(input);
  }
  step.execute = [operands, op = layer.op, name = layer.name, y = layer.output](const Memory& memory) {
    try {
      const Tensor result = evaluate(op, tensors_of(operands, memory));
      if (result.bytes() > 0)
        std::memcpy(memory.values[static_cast<size_t>(y)], result.raw(), static_cast<size_t>(result.bytes()));
    } catch (const Error& error) {
      ErrorParts parts = error.parts();
      parts.where = cat("node '", name, "' (", type_name(op), ")");
      throw Error(error.kind(), parts);
    }
  };
  return step;
}

}  // namespace vitrail::engine_detail
