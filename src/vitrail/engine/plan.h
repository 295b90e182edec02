#pragma once
// The memory plan: offsets in one arena for buffers that live from one step to another, so that buffers alive
// at the same time never overlap and the others share bytes.
//
//   MemoryPlan plan = plan_memory({{.bytes = 4096, .first = 0, .last = 2}, {.bytes = 64, .first = 2, .last =
//   3}}); plan.offsets[1];  // 4096: both are alive at step 2

#include <cstdint>
#include <span>
#include <vector>

namespace vitrail::engine_detail {

constexpr int64_t buffer_alignment = 64;  ///< bytes; a cache line and the widest vector

/// A buffer and the steps (both included) between which its bytes are in use.
struct BufferLife {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  ///< by buffer, multiples of buffer_alignment
  int64_t arena_bytes = 0;
};

/// Greedy: the largest buffer first, each at the lowest offset that is free during its whole life.
MemoryPlan plan_memory(std::span<const BufferLife> buffers);

}  // namespace vitrail::engine_detail
