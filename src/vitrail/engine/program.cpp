#include "vitrail/engine/program.h"

namespace vitrail::engine_detail {
namespace {

std::byte* resolve(const Location& location, const Tensor& constant, const Memory& memory, std::byte* arena) {
  const auto index = static_cast<size_t>(location.index);
  switch (location.kind) {
    case Location::Kind::none: return nullptr;
    case Location::Kind::arena: return arena + location.index;
    case Location::Kind::output: return memory.outputs[index];
    // Steps never write to these: the plan gives their buffers to nobody.
    case Location::Kind::input: return const_cast<std::byte*>(memory.inputs[index]);
    case Location::Kind::constant: return const_cast<std::byte*>(constant.raw());
  }
  return nullptr;
}

}  // namespace

ProgramReport Program::report() const {
  ProgramReport report;
  for (const Step& step : parts_.steps)
    report.steps.push_back(step.report);
  report.arena_bytes = parts_.plan.arena_bytes;
  report.weight_bytes = parts_.weight_bytes;
  return report;
}

std::vector<Tensor> Program::run(const std::vector<Tensor>& inputs, std::byte* arena) const {
  Memory memory;
  memory.stream = dnnl::stream(parts_.engine);
  std::vector<Tensor> outputs;
  for (const Tensor& input : inputs)
    memory.inputs.push_back(input.raw());
  for (size_t i = 0; i < parts_.output_shapes.size(); ++i) {
    outputs.push_back(Tensor::empty(parts_.output_types[i], parts_.output_shapes[i]));
    memory.outputs.push_back(outputs.back().raw());
  }
  for (size_t id = 0; id < parts_.locations.size(); ++id)
    memory.values.push_back(resolve(parts_.locations[id], parts_.constants[id], memory, arena));
  for (size_t i = 0; i < parts_.steps.size(); ++i) {
    memory.scratch = arena + parts_.scratch_offsets[i];
    parts_.steps[i].execute(memory);
  }
  return outputs;
}

}  // namespace vitrail::engine_detail
