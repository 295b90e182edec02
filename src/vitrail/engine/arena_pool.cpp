#include "vitrail/engine/arena_pool.h"

#include <algorithm>
#include <cstdlib>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/plan.h"

namespace vitrail::engine_detail {

void ArenaPool::Free::operator()(std::byte* memory) const {
  std::free(memory);
}

ArenaPool::Lease ArenaPool::take(int64_t bytes) {
  Arena arena;
  {
    const std::lock_guard lock(mutex_);
    // The smallest that is large enough; else the largest is given up for a larger one.
    auto chosen = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      const bool fits = it->bytes >= bytes;
      const bool better =
          chosen == free_.end() || (fits ? chosen->bytes < bytes || it->bytes < chosen->bytes
                                         : chosen->bytes < bytes && it->bytes > chosen->bytes);
      if (better) chosen = it;
    }
    if (chosen != free_.end()) {
      arena = std::move(*chosen);
      free_.erase(chosen);
    }
  }
  if (arena.bytes >= bytes && arena.memory) return {*this, std::move(arena)};
  arena = {};
  const int64_t size = round_up(std::max<int64_t>(bytes, 1), buffer_alignment);
  arena.memory.reset(
      static_cast<std::byte*>(std::aligned_alloc(buffer_alignment, static_cast<size_t>(size))));
  if (!arena.memory)
    throw Error(ErrorKind::limit, {.where = "engine",
                                   .found = cat(size, " bytes for intermediate maps could not be allocated"),
                                   .next = "Use a smaller input, or tiles"});
  arena.bytes = size;
  return {*this, std::move(arena)};
}

int64_t ArenaPool::free_bytes() {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const Arena& arena : free_)
    bytes += arena.bytes;
  return bytes;
}

void ArenaPool::give_back(Arena arena) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(arena));
}

}  // namespace vitrail::engine_detail
