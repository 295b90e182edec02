#include "vitrail/engine/compile.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "vitrail/base/checked.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

int64_t bytes_of(const NetworkValue& value) {
  return checked_mul(element_count(value.shape), size_of(value.type), value.name);
}

StepContext step_context(const Network& network, const CompileContext& context) {
  return {network, context.weights, context.engine, context.threads, context.bf16, context.thrift};
}

// Puts the parts of a Program together, in the order of its public functions.
class Compiler {
 public:
  Compiler(const Network& network, const CompileContext& context)
      : network_(network), context_(context), step_context_(step_context(network, context)) {
    parts_.locations.resize(network.values.size());
    parts_.constants.resize(network.values.size());
    parts_.engine = context.engine;
  }

  void add_input_steps() {
    for (size_t i = 0; i < network_.inputs.size(); ++i) {
      const ValueId id = network_.inputs[i].value;
      if (!network_.value(id).channels_last() || same_as_row_major(network_.shape(id)))
        location(id) = {Location::Kind::input, static_cast<int64_t>(i)};
      else
        parts_.steps.push_back(make_input_step(network_, network_.inputs[i], i));
    }
  }

  void add_layer_steps() {
    for (const Layer& layer : network_.layers) {
      parts_.steps.push_back(make_step(step_context_, layer));
      // Kernels may count on at least one element.
      if (element_count(network_.shape(layer.output)) == 0)
        parts_.steps.back().execute = [](const Memory&) {};
    }
  }

  // A row-major result is made in the output tensor itself; others are copied there at the end.
  void add_output_steps() {
    std::vector<bool> made(network_.values.size(), false);
    for (const Step& step : parts_.steps)
      if (step.must_reuse == no_value) made[static_cast<size_t>(step.writes)] = true;
    for (size_t i = 0; i < network_.outputs.size(); ++i) {
      const ValueId id = network_.outputs[i].value;
      const NetworkValue& value = network_.value(id);
      parts_.output_values.push_back(id);
      parts_.output_shapes.push_back(value.shape);
      parts_.output_types.push_back(value.type);
      const bool row_major = !value.channels_last() || same_as_row_major(value.shape);
      if (row_major && made[static_cast<size_t>(id)] && location(id).kind == Location::Kind::none)
        location(id) = {Location::Kind::output, static_cast<int64_t>(i)};
      else
        parts_.steps.push_back(make_output_step(network_, network_.outputs[i], i));
    }
  }

  void place_constants() {
    for (const Step& step : parts_.steps)
      for (const ValueId id : step.reads)
        if (network_.is_constant(id) && location(id).kind == Location::Kind::none) {
          const NetworkValue& value = network_.value(id);
          parts_.constants[static_cast<size_t>(id)] =
              value.channels_last() ? context_.weights.stored(value.constant) : value.constant;
          location(id) = {Location::Kind::constant, 0};
        }
  }

  void plan() {
    find_last_uses();
    std::vector<int64_t> buffer_of(network_.values.size(), -1);
    for (size_t i = 0; i < parts_.steps.size(); ++i)
      if (parts_.steps[i].writes != no_value) give_buffer(i, buffer_of);
    std::vector<int64_t> scratch_buffer;
    for (size_t i = 0; i < parts_.steps.size(); ++i) {
      scratch_buffer.push_back(static_cast<int64_t>(parts_.buffers.size()));
      const auto step = static_cast<int64_t>(i);
      if (parts_.steps[i].scratch_bytes > 0)
        parts_.buffers.push_back({parts_.steps[i].scratch_bytes, step, step});
    }
    parts_.plan = plan_memory(parts_.buffers);
    for (size_t id = 0; id < buffer_of.size(); ++id)
      if (buffer_of[id] >= 0)
        parts_.locations[id] = {Location::Kind::arena,
                                parts_.plan.offsets[static_cast<size_t>(buffer_of[id])]};
    place_parts();
    for (size_t i = 0; i < parts_.steps.size(); ++i)
      parts_.scratch_offsets.push_back(parts_.steps[i].scratch_bytes > 0
                                           ? parts_.plan.offsets[static_cast<size_t>(scratch_buffer[i])]
                                           : 0);
  }

  std::shared_ptr<const Program> finish() {
    for (const Step& step : parts_.steps)
      parts_.weight_bytes += step.weight_bytes;
    return std::make_shared<const Program>(std::move(parts_));
  }

 private:
  Location& location(ValueId id) { return parts_.locations[static_cast<size_t>(id)]; }

  // A value that is part of another is used whenever that is.
  ValueId stored_in(ValueId id) const {
    const ValueId whole = network_.value(id).place.whole;
    return whole == no_value ? id : whole;
  }

  void find_last_uses() {
    last_use_.assign(network_.values.size(), -1);
    const auto use = [&](ValueId id, size_t step) {
      last_use_[static_cast<size_t>(stored_in(id))] = static_cast<int64_t>(step);
    };
    for (size_t i = 0; i < parts_.steps.size(); ++i) {
      for (const ValueId id : parts_.steps[i].reads)
        use(id, i);
      if (parts_.steps[i].writes != no_value) use(parts_.steps[i].writes, i);
    }
  }

  void place_parts() {
    for (size_t id = 0; id < parts_.locations.size(); ++id) {
      const NetworkValue& value = network_.values[id];
      if (value.place.whole == no_value) continue;
      parts_.locations[id] = location(value.place.whole);
      parts_.locations[id].offset = value.place.first * size_of(value.type);
    }
  }

  // The buffer of what step `i` writes: one that it may take over, or a new one.
  void give_buffer(size_t i, std::vector<int64_t>& buffer_of) {
    const Step& step = parts_.steps[i];
    const ValueId target = stored_in(step.writes);
    if (location(target).kind != Location::Kind::none || buffer_of[static_cast<size_t>(target)] >= 0) return;
    const auto at = static_cast<int64_t>(i);
    const int64_t last = last_use_[static_cast<size_t>(target)];
    const ValueId source = step.must_reuse != no_value ? step.must_reuse : step.may_reuse;
    const int64_t bytes = bytes_of(network_.value(target));
    if (source != no_value) {
      const int64_t buffer = buffer_of[static_cast<size_t>(source)];
      if (buffer >= 0 && last_use_[static_cast<size_t>(source)] == at &&
          parts_.buffers[static_cast<size_t>(buffer)].bytes == bytes) {
        parts_.buffers[static_cast<size_t>(buffer)].last = last;
        buffer_of[static_cast<size_t>(target)] = buffer;
        return;
      }
      if (step.must_reuse != no_value)
        throw std::logic_error(cat("step '", step.report.name, "' cannot take over its residual's buffer"));
    }
    buffer_of[static_cast<size_t>(target)] = static_cast<int64_t>(parts_.buffers.size());
    parts_.buffers.push_back({bytes, at, last});
  }

  const Network& network_;
  const CompileContext& context_;
  StepContext step_context_;
  Program::Parts parts_;
  std::vector<int64_t> last_use_;  ///< by value: the last step that reads or writes it
};

}  // namespace

void run_bound_passes(Network& network, int threads, Thrift thrift) {
  split_padding(network);
  fuse_quantized(network);
  free_transposes(network);
  fuse_matmul(network);
  factor_enlarged(network);
  fuse_residual(network);
  fuse_activation(network);
  sum_concatenated(network);
  fuse_resize_argmax(network);
  if (thrift < Thrift::no_transforms) choose_winograd(network);
  form_row_strips(network, threads, thrift);
  fuse_function(network);
  write_outputs_directly(network);
}

std::shared_ptr<const Program> compile(Network network, const CompileContext& context) {
  choose_layouts(network);
  place_in_concatenations(network, [&](const Layer& layer) {
    return makes_maps_with_gaps(step_context(network, context), layer);
  });
  Compiler compiler(network, context);
  compiler.add_input_steps();
  compiler.add_layer_steps();
  compiler.add_output_steps();
  compiler.place_constants();
  compiler.plan();
  return compiler.finish();
}

}  // namespace vitrail::engine_detail
