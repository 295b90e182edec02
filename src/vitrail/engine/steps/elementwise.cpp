#include <algorithm>
#include <cmath>
#include <cstring>

#include "vitrail/base/checked.h"
#include "vitrail/engine/layout.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t flat_grain = 16384;  // elements worth a thread

// The output's dimensions from slowest to fastest in memory, with the operands' strides (0 = repeated).
struct Loop {
  std::vector<int64_t> sizes, a, b;
};

std::vector<int64_t> broadcast_strides(const Shape& operand, const Shape& output) {
  const std::vector<int64_t> own = storage_strides(operand);
  std::vector<int64_t> strides(output.size(), 0);
  const size_t missing = output.size() - operand.size();
  for (size_t d = missing; d < output.size(); ++d)
    if (operand[d - missing] != 1) strides[d] = own[d - missing];
  return strides;
}

// Neighbouring dimensions that all three walk as one become one.
Loop loop_over(const Shape& a, const Shape& b, const Shape& output) {
  const std::vector<int64_t> sa = broadcast_strides(a, output), sb = broadcast_strides(b, output);
  Loop loop;
  for (const size_t d : storage_order(output.size())) {
    if (output[d] == 1) continue;
    if (!loop.sizes.empty() && loop.a.back() == sa[d] * output[d] && loop.b.back() == sb[d] * output[d]) {
      loop.sizes.back() *= output[d];
      loop.a.back() = sa[d];
      loop.b.back() = sb[d];
    } else {
      loop.sizes.push_back(output[d]);
      loop.a.push_back(sa[d]);
      loop.b.push_back(sb[d]);
    }
  }
  if (loop.sizes.empty()) {
    for (std::vector<int64_t>* list : {&loop.sizes, &loop.a, &loop.b})
      list->push_back(1);
  }
  return loop;
}

using BinaryKernel = void (*)(const float*, int64_t, const float*, int64_t, float*, int64_t, float, float);

void run_flat(const Loop& loop, BinaryKernel kernel, const Activation& limits, const float* a, const float* b,
              float* y) {
  parallel_ranges(loop.sizes[0], flat_grain, [&](int64_t begin, int64_t end, int) {
    kernel(a + begin * loop.a[0], loop.a[0], b + begin * loop.b[0], loop.b[0], y + begin, end - begin,
           limits.low, limits.high);
  });
}

void run_rows(const Loop& loop, BinaryKernel kernel, const Activation& limits, const float* a, const float* b,
              float* y) {
  const size_t last = loop.sizes.size() - 1;
  const int64_t inner = loop.sizes[last];
  int64_t rows = 1;
  for (size_t d = 0; d < last; ++d)
    rows *= loop.sizes[d];
  parallel_for(rows, std::max<int64_t>(flat_grain / inner, 1), [&](int64_t row) {
    int64_t at_a = 0, at_b = 0, rest = row;
    for (size_t d = last; d-- > 0;) {
      const int64_t i = rest % loop.sizes[d];
      rest /= loop.sizes[d];
      at_a += i * loop.a[d];
      at_b += i * loop.b[d];
    }
    kernel(a + at_a, loop.a[last], b + at_b, loop.b[last], y + row * inner, inner, limits.low, limits.high);
  });
}

// Applies body(x, y, count) to parts of a flat array.
template <class Body>
Step flat_step(const StepContext& context, const Layer& layer, const char* kind, const Body& body) {
  Step step = step_of(context, layer, kind);
  step.may_reuse = layer.inputs[0];
  step.execute = [body, count = element_count(step.report.output), x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    float* to = memory.write(y);
    parallel_ranges(count, flat_grain,
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

Step make_copy(const StepContext& context, const Layer& layer) {
  return flat_step(context, layer, "copy", [](const float* x, float* y, int64_t count) {
    if (x != y) std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
  });
}

Step make_binary(const StepContext& context, const Layer& layer, Binary kind) {
  Step step = step_of(context, layer, kind == Binary::add ? "add" : "multiply");
  ValueId a = layer.inputs[0], b = layer.inputs[1];
  Loop loop = loop_over(context.shape(a), context.shape(b), step.report.output);
  if (loop.b.back() > loop.a.back()) {  // both are commutative: the repeated operand second
    std::swap(a, b);
    std::swap(loop.a, loop.b);
  }
  for (const ValueId operand : {a, b})
    if (step.may_reuse == no_value && context.shape(operand) == step.report.output) step.may_reuse = operand;
  const BinaryKernel kernel = kind == Binary::add ? kernel::add : kernel::multiply;
  step.execute = [=, limits = layer.activation, y = layer.output](const Memory& memory) {
    const auto run = loop.sizes.size() == 1 ? run_flat : run_rows;
    run(loop, kernel, limits, memory.read(a), memory.read(b), memory.write(y));
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
  const AxisView view = axis_view(step.report.output, 1);
  step.execute = [=, limits = layer.activation, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    float* to = memory.write(y);
    parallel_for(view.outer, std::max<int64_t>(flat_grain / (view.size * view.inner), 1), [&](int64_t i) {
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
