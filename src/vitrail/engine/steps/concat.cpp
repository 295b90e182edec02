#include <algorithm>
#include <cstring>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

Step make_concat(const StepContext& context, const Layer& layer, const op::Concat& concat) {
  struct Part {
    ValueId value;
    int64_t chunk, offset;  // contiguous bytes per outer block, and where they go in the output's block
  };
  Step step = step_of(context, layer, "concat");
  const NetworkValue& result = context.network.value(layer.output);
  const bool row_major = !result.channels_last();
  const AxisView whole = axis_view(step.report.output, concat.axis, row_major);
  const int64_t bytes = size_of(result.type), block = whole.size * whole.inner * bytes;
  std::vector<Part> parts;
  int64_t offset = 0;
  for (const ValueId input : layer.inputs) {
    const AxisView view = axis_view(context.shape(input), concat.axis, row_major);
    const Part part{input, view.size * view.inner * bytes, offset};
    const Place& place = context.network.value(input).place;
    const bool made_here = place.whole == layer.output && place.first * bytes == offset;
    if (part.chunk > 0 && !made_here) parts.push_back(part);
    offset += part.chunk;
  }
  if (parts.empty()) {
    step.report.kernel = "in place";
    step.execute = [](const Memory&) {};
    return step;
  }
  step.execute = [parts, block, outer = whole.outer, y = layer.output](const Memory& memory) {
    std::byte* to = memory.values[static_cast<size_t>(y)];
    parallel_for(outer, std::max<int64_t>(65536 / std::max<int64_t>(block, 1), 1), [&](int64_t i) {
      for (const Part& part : parts)
        std::memcpy(to + i * block + part.offset,
                    memory.values[static_cast<size_t>(part.value)] + i * part.chunk,
                    static_cast<size_t>(part.chunk));
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
