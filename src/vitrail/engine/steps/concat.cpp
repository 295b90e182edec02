#include <algorithm>
#include <cstring>

#include "vitrail/engine/layout.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

Step make_concat(const StepContext& context, const Layer& layer, const op::Concat& concat) {
  struct Part {
    ValueId value;
    int64_t chunk, offset;  // contiguous elements per outer block, and where they go in the output's block
  };
  Step step = step_of(context, layer, "concat");
  const AxisView whole = axis_view(step.report.output, concat.axis);
  const int64_t block = whole.size * whole.inner;
  std::vector<Part> parts;
  int64_t offset = 0;
  for (const ValueId input : layer.inputs) {
    const AxisView view = axis_view(context.shape(input), concat.axis);
    parts.push_back({input, view.size * view.inner, offset});
    offset += parts.back().chunk;
  }
  step.execute = [parts, block, outer = whole.outer, y = layer.output](const Memory& memory) {
    float* to = memory.write(y);
    parallel_for(outer, std::max<int64_t>(16384 / block, 1), [&](int64_t i) {
      for (const Part& part : parts)
        std::memcpy(to + i * block + part.offset, memory.read(part.value) + i * part.chunk,
                    static_cast<size_t>(part.chunk) * sizeof(float));
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
