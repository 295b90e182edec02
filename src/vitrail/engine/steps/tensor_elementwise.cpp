#include <algorithm>
#include <cmath>
#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/engine/steps/math_kernels.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"

// Unary, Binary, Where and Cast. What is rare (arithmetic of integers, logic) stays with the reference.

namespace vitrail::engine_detail {
namespace {

DataType type_of(const StepContext& context, ValueId id) {
  return context.network.value(id).type;
}

// A power by one number that a product or a root computes: the kernel to run on the base.
kernel::UnaryKernel power_kernel(const StepContext& context, ValueId exponent) {
  const Tensor& constant = context.network.value(exponent).constant;
  if (!constant.defined() || constant.elements() != 1) return nullptr;
  const float value = constant.data<float>()[0];
  if (value == 2.0f)
    return [](const float* x, float* y, int64_t count, float, float) {
      for (int64_t i = 0; i < count; ++i)
        y[i] = x[i] * x[i];
    };
  if (value == 3.0f)
    return [](const float* x, float* y, int64_t count, float, float) {
      for (int64_t i = 0; i < count; ++i)
        y[i] = x[i] * x[i] * x[i];
    };
  return value == 0.5f ? kernel::unary_kernel(op::Unary::Function::sqrt) : nullptr;
}

Step unary_step(const StepContext& context, const Layer& layer, kernel::UnaryKernel kernel, double alpha,
                double beta) {
  Step step = step_of(context, layer, "");
  step.report.kind = type_name(layer.op);
  step.reads = {layer.inputs[0]};
  step.may_reuse = layer.inputs[0];
  step.execute = [kernel, count = element_count(step.report.output), x = layer.inputs[0], y = layer.output,
                  alpha = static_cast<float>(alpha), beta = static_cast<float>(beta)](const Memory& memory) {
    parallel_ranges(count, elements_worth_a_thread, [&](int64_t begin, int64_t end, int) {
      kernel(memory.read(x) + begin, memory.write(y) + begin, end - begin, alpha, beta);
    });
  };
  return step;
}

template <class Result, class Kernel>
void set_binary(Step& step, const StepContext& context, const Layer& layer, Kernel kernel) {
  step.execute = [kernel, walk = walk_of(context, layer.output, layer.inputs), a = layer.inputs[0],
                  b = layer.inputs[1], y = layer.output](const Memory& memory) {
    const float *from_a = memory.read(a), *from_b = memory.read(b);
    auto* to = reinterpret_cast<Result*>(memory.write(y));
    walk.run(elements_worth_a_thread, [&](int64_t at, const Walk::Offsets& from, int64_t count) {
      kernel(from_a + from[0], walk.step(0), from_b + from[1], walk.step(1), to + at, count);
    });
  };
}

template <class T>
void choose(const uint8_t* condition, int64_t step_c, const T* a, int64_t step_a, const T* b, int64_t step_b,
            T* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = condition[i * step_c] != 0 ? a[i * step_a] : b[i * step_b];
}

template <class T>
void set_where(Step& step, const StepContext& context, const Layer& layer) {
  step.execute = [walk = walk_of(context, layer.output, layer.inputs), in = layer.inputs,
                  y = layer.output](const Memory& memory) {
    const auto* condition = reinterpret_cast<const uint8_t*>(memory.read(in[0]));
    const auto *a = reinterpret_cast<const T*>(memory.read(in[1])),
               *b = reinterpret_cast<const T*>(memory.read(in[2]));
    T* to = reinterpret_cast<T*>(memory.write(y));
    walk.run(elements_worth_a_thread, [&](int64_t at, const Walk::Offsets& from, int64_t count) {
      choose(condition + from[0], walk.step(0), a + from[1], walk.step(1), b + from[2], walk.step(2), to + at,
             count);
    });
  };
}

// From any type to floats: every value is one, or the nearest.
template <class From>
void set_to_f32(Step& step, const StepContext& context, const Layer& layer) {
  const int64_t count = element_count(context.shape(layer.output));
  step.execute = [count, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    const From* from = reinterpret_cast<const From*>(memory.read(x));
    float* to = memory.write(y);
    parallel_ranges(count, elements_worth_a_thread, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i)
        to[i] = static_cast<float>(from[i]);
    });
  };
}

}  // namespace

Step make_unary(const StepContext& context, const Layer& layer, const op::Unary& unary) {
  return unary_step(context, layer, kernel::unary_kernel(unary.function), unary.alpha, unary.beta);
}

Step make_tensor_binary(const StepContext& context, const Layer& layer, const op::Binary& binary) {
  if (binary.function == op::Binary::Function::power &&
      context.shape(layer.inputs[0]) == context.shape(layer.output))
    if (const auto kernel = power_kernel(context, layer.inputs[1]))
      return unary_step(context, layer, kernel, 0, 0);
  Step step = step_of(context, layer, "");
  step.report.kind = type_name(layer.op);
  if (const auto compare = kernel::compare_kernel(binary.function)) {
    set_binary<uint8_t>(step, context, layer, compare);
    return step;
  }
  const auto kernel = kernel::float_kernel(binary.function);
  for (const ValueId operand : layer.inputs)
    if (step.may_reuse == no_value && context.shape(operand) == step.report.output) step.may_reuse = operand;
  set_binary<float>(step, context, layer, kernel);
  return step;
}

Step make_where(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "where");
  switch (size_of(type_of(context, layer.output))) {
    case 1: set_where<uint8_t>(step, context, layer); break;
    case 8: set_where<uint64_t>(step, context, layer); break;
    default: set_where<uint32_t>(step, context, layer);
  }
  return step;
}

Step make_cast(const StepContext& context, const Layer& layer) {
  const DataType from = type_of(context, layer.inputs[0]);
  if (from == type_of(context, layer.output)) return make_reshape(context, layer);
  Step step = step_of(context, layer, "cast");
  switch (from) {
    case DataType::i64: set_to_f32<int64_t>(step, context, layer); break;
    case DataType::i32: set_to_f32<int32_t>(step, context, layer); break;
    case DataType::i8: set_to_f32<int8_t>(step, context, layer); break;
    case DataType::u8:
    case DataType::boolean: set_to_f32<uint8_t>(step, context, layer); break;
    default: throw Error(ErrorKind::unsupported, {.where = layer.name, .found = std::string(name_of(from))});
  }
  return step;
}

}  // namespace vitrail::engine_detail
