#include <algorithm>
#include <cstring>

#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/strided_copy.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"
#include "vitrail/graph/shape_rules/rules.h"

// Reshapes, transposes, slices: steps that move elements and compute nothing.

namespace vitrail::engine_detail {
namespace {

// The result is x's bytes as they are: no work at all where it may have x's buffer.
Step plain_step(const StepContext& context, const Layer& layer, const char* kind) {
  Step step = step_of(context, layer, kind);
  step.reads = {layer.inputs[0]};
  step.may_reuse = layer.inputs[0];
  const auto bytes = static_cast<size_t>(element_count(step.report.output) *
                                         size_of(context.network.value(layer.output).type));
  step.execute = [bytes, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    if (memory.read(x) != memory.write(y)) std::memcpy(memory.write(y), memory.read(x), bytes);
  };
  return step;
}

Step copy_step(const StepContext& context, const Layer& layer, const char* kind, StridedCopy copy) {
  copy.element_bytes = size_of(context.network.value(layer.output).type);
  copy = simplified(copy);
  const int64_t read = element_count(context.shape(layer.inputs[0]));
  if (copy.is_plain() && read == element_count(context.shape(layer.output)))
    return plain_step(context, layer, kind);
  Step step = step_of(context, layer, kind);
  step.reads = {layer.inputs[0]};
  step.execute = [copy, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    run(copy, reinterpret_cast<const std::byte*>(memory.read(x)),
        reinterpret_cast<std::byte*>(memory.write(y)));
  };
  return step;
}

// A result whose logical dimensions have these strides in x.
Step moved(const StepContext& context, const Layer& layer, const char* kind,
           const std::vector<int64_t>& strides, int64_t base = 0) {
  return copy_step(context, layer, kind,
                   {.base = base,
                    .sizes = in_storage_order(context, layer.output, context.shape(layer.output)),
                    .strides = in_storage_order(context, layer.output, strides)});
}

// DepthToSpace (or, `inverse`, SpaceToDepth) as a copy between [N, b, b, C, H, W] and [N, C, H, b, W, b] in
// whatever order both sides lie in memory. `deep` has the many channels, `wide` the many pixels; `crd` says
// that a deep channel counts (c, row, column) instead of (row, column, c).
StridedCopy shuffle(const StepContext& context, ValueId deep, ValueId wide, int64_t b, bool crd,
                    bool inverse) {
  const Shape &shape = context.shape(deep), &whole = context.shape(wide);
  const std::vector<int64_t> d = strides_of(context, deep), w = strides_of(context, wide);
  const int64_t channels = whole[1];
  struct Dimension {
    int64_t size, deep, wide;
  };
  std::vector<Dimension> dimensions = {{shape[0], d[0], w[0]},
                                       {channels, crd ? d[1] * b * b : d[1], w[1]},
                                       {b, crd ? d[1] * b : d[1] * b * channels, w[2]},
                                       {b, crd ? d[1] : d[1] * channels, w[3]},
                                       {shape[2], d[2], w[2] * b},
                                       {shape[3], d[3], w[3] * b}};
  std::erase_if(dimensions, [](const Dimension& one) { return one.size == 1; });
  std::sort(dimensions.begin(), dimensions.end(), [&](const Dimension& a, const Dimension& c) {
    return inverse ? a.deep > c.deep : a.wide > c.wide;
  });
  StridedCopy copy;
  for (const Dimension& one : dimensions) {
    copy.sizes.push_back(one.size);
    copy.strides.push_back(inverse ? one.wide : one.deep);
  }
  return copy;
}

}  // namespace

Step make_reshape(const StepContext& context, const Layer& layer) {
  return plain_step(context, layer, "reshape");
}

Step make_layout_change(const StepContext& context, const Layer& layer) {
  const NetworkValue &x = context.network.value(layer.inputs[0]), &y = context.network.value(layer.output);
  if (x.channels_last() == y.channels_last() || same_as_row_major(y.shape))
    return plain_step(context, layer, "copy");
  Step step = step_of(context, layer, "layout");
  const int64_t images = y.shape[0], pixels = y.shape[2] * y.shape[3], channels = y.shape[1];
  const int64_t rows = y.channels_last() ? channels : pixels, columns = y.channels_last() ? pixels : channels;
  step.execute = [=, from = layer.inputs[0], to = layer.output](const Memory& memory) {
    transpose_images(memory.read(from), memory.write(to), images, rows, columns);
  };
  return step;
}

Step make_transpose(const StepContext& context, const Layer& layer, const op::Transpose& transpose) {
  const std::vector<int64_t> own = strides_of(context, layer.inputs[0]);
  std::vector<int64_t> strides;
  for (size_t d = 0; d < own.size(); ++d)
    strides.push_back(transpose.permutation.empty() ? own[own.size() - 1 - d]
                                                    : own[static_cast<size_t>(transpose.permutation[d])]);
  return moved(context, layer, "transpose", strides);
}

Step make_expand(const StepContext& context, const Layer& layer) {
  return moved(context, layer, "expand",
               broadcast_strides(context, layer.inputs[0], context.shape(layer.output)));
}

Step make_tile(const StepContext& context, const Layer& layer) {
  const Shape &x = context.shape(layer.inputs[0]), &y = context.shape(layer.output);
  const std::vector<int64_t> strides = strides_of(context, layer.inputs[0]);
  StridedCopy copy;
  for (const size_t d : storage_order(x.size(), !context.network.value(layer.output).channels_last())) {
    copy.sizes.insert(copy.sizes.end(), {x[d] == 0 ? 0 : y[d] / x[d], x[d]});
    copy.strides.insert(copy.strides.end(), {0, strides[d]});
  }
  return copy_step(context, layer, "tile", copy);
}

Step make_slice(const StepContext& context, const Layer& layer) {
  std::vector<OpInput> inputs;
  for (const ValueId input : layer.inputs) {
    inputs.push_back({.present = input != no_value});
    if (input == no_value) continue;
    const NetworkValue& value = context.network.value(input);
    inputs.back().shape = value.shape;
    inputs.back().type = value.type;
    inputs.back().content = value.constant;
  }
  std::vector<int64_t> strides = strides_of(context, layer.inputs[0]);
  int64_t base = 0;
  for (const shape_rules::SliceAxis& cut : shape_rules::slice_axes(inputs)) {
    base += cut.start * strides[cut.axis];
    // One element needs no step, and a huge one would overflow.
    strides[cut.axis] = cut.count > 1 ? strides[cut.axis] * cut.step : 0;
  }
  return moved(context, layer, "slice", strides, base);
}

Step make_depth_to_space(const StepContext& context, const Layer& layer, const op::DepthToSpace& op) {
  return copy_step(context, layer, "depth_to_space",
                   shuffle(context, layer.inputs[0], layer.output, op.block,
                           op.mode == op::DepthToSpace::Mode::crd, false));
}

Step make_space_to_depth(const StepContext& context, const Layer& layer, const op::SpaceToDepth& op) {
  return copy_step(context, layer, "space_to_depth",
                   shuffle(context, layer.output, layer.inputs[0], op.block, false, true));
}

}  // namespace vitrail::engine_detail
