#include "vitrail/engine/program.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "vitrail/base/checked.h"

namespace vitrail::engine_detail {
namespace {

std::byte* resolve(const Location& location, const Tensor& constant, const Memory& memory, std::byte* arena) {
  const auto index = static_cast<size_t>(location.index);
  switch (location.kind) {
    case Location::Kind::none: return nullptr;
    case Location::Kind::arena: return arena + location.index + location.offset;
    case Location::Kind::output: return memory.outputs[index] + location.offset;
    // Steps never write to these: the plan gives their buffers to nobody.
    case Location::Kind::input: return const_cast<std::byte*>(memory.inputs[index]);
    case Location::Kind::constant: return const_cast<std::byte*>(constant.raw());
  }
  return nullptr;
}

// Full-size logits are hundreds of megabytes of fresh memory on every run: taken in large pages they cost a
// tenth of the page faults that otherwise outweigh the arithmetic.
Tensor output_tensor(DataType type, const Shape& shape) {
  const int64_t bytes = checked_mul(element_count(shape), size_of(type), "output");
#if defined(__linux__)
  constexpr int64_t large_page = int64_t{1} << 21;
  if (bytes >= 4 * large_page) {
    const auto rounded = static_cast<size_t>(round_up(bytes, large_page));
    if (void* memory = std::aligned_alloc(static_cast<size_t>(large_page), rounded)) {
      madvise(memory, rounded, MADV_HUGEPAGE);  // advice: without it the memory is as good, only slower
      return Tensor::view(
          type, shape, static_cast<const std::byte*>(memory),
          std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); }));
    }
  }
#endif
  return Tensor::empty(type, shape);
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
  return run(inputs, arena, nullptr);
}

std::vector<Tensor> Program::run(const std::vector<Tensor>& inputs, std::byte* arena,
                                 const std::function<void(size_t)>& after_step) const {
  Memory memory;
  memory.stream = dnnl::stream(parts_.engine);
  std::vector<Tensor> outputs;
  for (const Tensor& input : inputs)
    memory.inputs.push_back(input.raw());
  for (size_t i = 0; i < parts_.output_shapes.size(); ++i) {
    outputs.push_back(output_tensor(parts_.output_types[i], parts_.output_shapes[i]));
    memory.outputs.push_back(outputs.back().raw());
  }
  for (size_t id = 0; id < parts_.locations.size(); ++id)
    memory.values.push_back(resolve(parts_.locations[id], parts_.constants[id], memory, arena));
  for (size_t i = 0; i < parts_.steps.size(); ++i) {
    memory.scratch = arena + parts_.scratch_offsets[i];
    parts_.steps[i].execute(memory);
    if (after_step) after_step(i);
  }
  return outputs;
}

}  // namespace vitrail::engine_detail
