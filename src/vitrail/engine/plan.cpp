#include "vitrail/engine/plan.h"

#include <algorithm>
#include <numeric>

#include "vitrail/base/checked.h"

namespace vitrail::engine_detail {
namespace {

bool alive_together(const BufferLife& a, const BufferLife& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

MemoryPlan plan_memory(std::span<const BufferLife> buffers) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t i : order) {
    const int64_t size = round_up(std::max<int64_t>(buffers[i].bytes, 1), buffer_alignment);
    int64_t offset = 0;
    for (const size_t other : placed) {
      if (!alive_together(buffers[i], buffers[other])) continue;
      if (plan.offsets[other] >= checked_add(offset, size, "arena")) break;
      offset = std::max(offset, plan.offsets[other] +
                                    round_up(std::max<int64_t>(buffers[other].bytes, 1), buffer_alignment));
    }
    plan.offsets[i] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, checked_add(offset, size, "arena"));
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

}  // namespace vitrail::engine_detail
