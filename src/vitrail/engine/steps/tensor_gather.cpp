#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"

namespace vitrail::engine_detail {
namespace {

struct Gathering {
  std::string name;
  AxisView view;           // of x; inner in bytes
  int64_t count = 0;       // indices
  bool narrow = false;     // i32 indices
  int64_t pixel = 0;       // of a map that is made with gaps: bytes of its pixels,
  int64_t pixel_step = 0;  // from one to the next
  ValueId x = no_value, indices = no_value, y = no_value;
};

// Positions along the axis, counted from the front.
std::vector<int64_t> positions(const Gathering& g, const std::byte* bytes) {
  std::vector<int64_t> result(static_cast<size_t>(g.count));
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t index =
        g.narrow ? reinterpret_cast<const int32_t*>(bytes)[i] : reinterpret_cast<const int64_t*>(bytes)[i];
    result[i] = index < 0 ? index + g.view.size : index;
    if (result[i] < 0 || result[i] >= g.view.size)
      throw Error(ErrorKind::shape, {.where = cat("node '", g.name, "' (Gather)"),
                                     .found = cat("index ", index),
                                     .allowed = cat(-g.view.size, "..", g.view.size - 1)});
  }
  return result;
}

void gather(const Gathering& g, const Memory& memory) {
  const auto bytes = [&](ValueId id) { return memory.values[static_cast<size_t>(id)]; };
  const std::vector<int64_t> from = positions(g, bytes(g.indices));
  const std::byte* x = bytes(g.x);
  std::byte* y = bytes(g.y);
  const int64_t row = g.view.inner;
  parallel_for(g.view.outer * g.count,
               std::max<int64_t>(4 * elements_worth_a_thread / std::max<int64_t>(row, 1), 1), [&](int64_t i) {
                 const int64_t source = i / g.count * g.view.size + from[static_cast<size_t>(i % g.count)];
                 std::memcpy(y + i * row, x + source * row, static_cast<size_t>(row));
               });
}

// Images [H, W, C] whose pixels lie apart in the result.
void gather_with_gaps(const Gathering& g, const Memory& memory) {
  const auto bytes = [&](ValueId id) { return memory.values[static_cast<size_t>(id)]; };
  const std::vector<int64_t> from = positions(g, bytes(g.indices));
  const std::byte* x = bytes(g.x);
  std::byte* y = bytes(g.y);
  const int64_t pixels = g.view.inner / g.pixel;
  parallel_for(g.count, 1, [&](int64_t i) {
    const std::byte* source = x + from[static_cast<size_t>(i)] * g.view.inner;
    std::byte* target = y + i * pixels * g.pixel_step;
    for (int64_t p = 0; p < pixels; ++p)
      std::memcpy(target + p * g.pixel_step, source + p * g.pixel, static_cast<size_t>(g.pixel));
  });
}

}  // namespace

Step make_gather(const StepContext& context, const Layer& layer, const op::Gather& op) {
  Step step = step_of(context, layer, "gather");
  const NetworkValue &x = context.network.value(layer.inputs[0]),
                     &indices = context.network.value(layer.inputs[1]);
  Gathering g{.name = layer.name,
              .view = axis_view(x.shape, op.axis, true),
              .count = element_count(indices.shape),
              .narrow = indices.type == DataType::i32,
              .x = layer.inputs[0],
              .indices = layer.inputs[1],
              .y = layer.output};
  g.view.inner *= size_of(x.type);
  if (const Place& place = context.network.value(layer.output).place; place.pixel_step > 0) {
    g.pixel = x.shape[1] * size_of(x.type);
    g.pixel_step = place.pixel_step * size_of(x.type);
    step.execute = [g](const Memory& memory) { gather_with_gaps(g, memory); };
    return step;
  }
  step.execute = [g](const Memory& memory) { gather(g, memory); };
  return step;
}

}  // namespace vitrail::engine_detail
