#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/steps.h"
#include "vitrail/engine/steps/walk.h"

namespace vitrail::engine_detail {
namespace {

// Applies body(x, y, count) to parts of a flat array.
template <class Body>
Step flat_step(const StepContext& context, const Layer& layer, const char* kind, const Body& body) {
  Step step = step_of(context, layer, kind);
  step.may_reuse = layer.inputs[0];
  step.execute = [body, count = element_count(step.report.output), x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    float* to = memory.write(y);
    parallel_ranges(count, elements_worth_a_thread,
                    [&](int64_t begin, int64_t end, int) { body(from + begin, to + begin, end - begin); });
  };
  return step;
}

}  // namespace

Step make_clamp(const StepContext& context, const Layer& layer, Activation activation) {
  return flat_step(context, layer, "clamp", [activation](const float* x, float* y, int64_t count) {
    kernel::clamp(x, y, count, activation.low, activation.high);
  });
}

Step make_sigmoid(const StepContext& context, const Layer& layer) {
  return flat_step(context, layer, "sigmoid", kernel::sigmoid);
}

Step make_binary(const StepContext& context, const Layer& layer, Binary kind) {
  Step step = step_of(context, layer, kind == Binary::add ? "add" : "multiply");
  ValueId a = layer.inputs[0], b = layer.inputs[1];
  if (const Walk walk = walk_of(context, layer.output, {a, b}); walk.step(1) > walk.step(0))
    std::swap(a, b);  // both are commutative: the repeated operand second
  for (const ValueId operand : {a, b})
    if (step.may_reuse == no_value && context.shape(operand) == step.report.output) step.may_reuse = operand;
  const auto kernel = kind == Binary::add ? kernel::add : kernel::multiply;
  step.execute = [=, walk = walk_of(context, layer.output, {a, b}), limits = layer.activation,
                  y = layer.output](const Memory& memory) {
    const float *from_a = memory.read(a), *from_b = memory.read(b);
    float* to = memory.write(y);
    walk.run(elements_worth_a_thread, [&](int64_t at, const Walk::Offsets& from, int64_t count) {
      kernel(from_a + from[0], walk.step(0), from_b + from[1], walk.step(1), to + at, count, limits.low,
             limits.high);
    });
  };
  return step;
}

Step make_batch_norm(const StepContext& context, const Layer& layer, const op::BatchNormalization& norm) {
  const auto values = [&](size_t i) { return context.network.value(layer.inputs[i]).constant.data<float>(); };
  const auto gamma = values(1), beta = values(2), mean = values(3), var = values(4);
  std::vector<float> scale, shift;
  for (size_t c = 0; c < gamma.size(); ++c) {
    const double factor = gamma[c] / std::sqrt(static_cast<double>(var[c]) + norm.epsilon);
    scale.push_back(static_cast<float>(factor));
    shift.push_back(static_cast<float>(beta[c] - mean[c] * factor));
  }
  Step step = step_of(context, layer, "batch_norm");
  step.reads = {layer.inputs[0]};
  step.may_reuse = layer.inputs[0];
  const AxisView view =
      axis_view(step.report.output, 1, !context.network.value(layer.output).channels_last());
  step.execute = [=, limits = layer.activation, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    float* to = memory.write(y);
    parallel_for(
        view.outer, std::max<int64_t>(elements_worth_a_thread / (view.size * view.inner), 1), [&](int64_t i) {
          const int64_t at = i * view.size * view.inner;
          if (view.inner == 1) {
            kernel::scale_shift(from + at, scale.data(), shift.data(), to + at, view.size, limits.low,
                                limits.high);
            return;
          }
          for (int64_t j = 0; j < view.size * view.inner; ++j) {
            const auto c = static_cast<size_t>(j / view.inner);
            to[at + j] = std::min(std::max(from[at + j] * scale[c] + shift[c], limits.low), limits.high);
          }
        });
  };
  return step;
}

}  // namespace vitrail::engine_detail
