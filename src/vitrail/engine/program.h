#pragma once
// A compiled network for one set of input shapes: immutable steps over planned memory. Many threads may run
// one Program at once, each with an arena of its own.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/network.h"
#include "vitrail/engine/plan.h"

namespace vitrail::engine_detail {

/// The bytes of one run, by value id. Rank-4 f32 values lie channels-last (N,H,W,C); all others row-major.
class Memory {
 public:
  const float* read(ValueId id) const {
    return reinterpret_cast<const float*>(values[static_cast<size_t>(id)]);
  }
  float* write(ValueId id) const { return reinterpret_cast<float*>(values[static_cast<size_t>(id)]); }
  int64_t* write_i64(ValueId id) const { return reinterpret_cast<int64_t*>(values[static_cast<size_t>(id)]); }

  std::vector<std::byte*> values;
  std::byte* scratch = nullptr;          ///< the current step's
  std::vector<const std::byte*> inputs;  ///< the caller's tensors, row-major
  std::vector<std::byte*> outputs;
  dnnl::stream stream;
};

struct Step {
  StepReport report;
  std::vector<ValueId> reads;
  ValueId writes = no_value;
  int64_t scratch_bytes = 0;
  int64_t weight_bytes = 0;  ///< packed, shared between programs
  /// A value read here whose buffer the result may take over (an element-wise step), if nothing reads it
  /// later.
  ValueId may_reuse = no_value;
  /// The same, but the step is wrong otherwise (a sum that accumulates); passes see to it that it holds.
  ValueId must_reuse = no_value;
  std::function<void(const Memory&)> execute;
};

/// Where a value's bytes are.
struct Location {
  enum class Kind { none, arena, input, output, constant } kind = Kind::none;
  int64_t index = 0;   ///< the offset in the arena, or the index of the input or output
  int64_t offset = 0;  ///< bytes behind that
};

class Program {
 public:
  /// The parts that compile() puts together.
  struct Parts {
    std::vector<Step> steps;
    std::vector<Location> locations;  ///< by value id
    std::vector<Tensor> constants;    ///< by value id, in storage layout; undefined for others
    std::vector<ValueId> output_values;
    std::vector<Shape> output_shapes;
    std::vector<DataType> output_types;
    std::vector<int64_t> scratch_offsets;  ///< by step
    std::vector<BufferLife> buffers;       ///< what was planned, for reports and tests
    MemoryPlan plan;
    int64_t weight_bytes = 0;
    dnnl::engine engine;
  };
  explicit Program(Parts parts) : parts_(std::move(parts)) {}

  int64_t arena_bytes() const { return parts_.plan.arena_bytes; }
  const Parts& parts() const { return parts_; }
  ProgramReport report() const;

  /// `arena` holds arena_bytes() bytes, 64-byte aligned. The inputs have the shapes that were compiled for.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, std::byte* arena) const;
  /// The same; `after_step(i)` is called when step i is done.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, std::byte* arena,
                          const std::function<void(size_t)>& after_step) const;

 private:
  Parts parts_;
};

}  // namespace vitrail::engine_detail
