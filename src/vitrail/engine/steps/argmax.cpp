#include <algorithm>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

// The dimensions that are not reduced, in logical order (the result is row-major), with the input's strides.
struct Kept {
  std::vector<int64_t> sizes, strides;
  int64_t size = 1, stride = 1;  // of the reduced axis
};

Kept kept_dimensions(const Shape& shape, int64_t axis, bool row_major) {
  const auto reduced = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
  const std::vector<int64_t> strides = storage_strides(shape, row_major);
  Kept kept;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (d == reduced) {
      kept.size = shape[d];
      kept.stride = strides[d];
    } else {
      kept.sizes.push_back(shape[d]);
      kept.strides.push_back(strides[d]);
    }
  }
  return kept;
}

int64_t largest(const float* x, int64_t size, int64_t stride) {
  int64_t best = 0;
  for (int64_t i = 1; i < size; ++i)
    if (x[i * stride] > x[best * stride]) best = i;
  return best;
}

}  // namespace

Step make_argmax(const StepContext& context, const Layer& layer, const op::ArgMax& argmax) {
  Step step = step_of(context, layer, "argmax");
  const Kept kept = kept_dimensions(context.shape(layer.inputs[0]), argmax.axis,
                                    !context.network.value(layer.inputs[0]).channels_last());
  const int64_t count = element_count(step.report.output);
  step.execute = [kept, count, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    const float* from = memory.read(x);
    int64_t* to = memory.write_i64(y);
    parallel_for(count, std::max<int64_t>(4096 / kept.size, 1), [&](int64_t index) {
      int64_t at = 0, rest = index;
      for (size_t d = kept.sizes.size(); d-- > 0;) {
        at += rest % kept.sizes[d] * kept.strides[d];
        rest /= kept.sizes[d];
      }
      to[index] = largest(from + at, kept.size, kept.stride);
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
