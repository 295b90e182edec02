#pragma once
// The memory of runs: as many arenas as runs were ever active at once, kept and reused by all programs of an
// Engine.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace vitrail::engine_detail {

class ArenaPool {
 public:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  struct Arena {
    std::unique_ptr<std::byte, Free> memory;
    int64_t bytes = 0;
  };

  /// An arena for one run; it goes back to the pool when the Lease ends.
  class Lease {
   public:
    Lease(ArenaPool& pool, Arena arena) : pool_(pool), arena_(std::move(arena)) {}
    ~Lease() { pool_.give_back(std::move(arena_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    std::byte* data() const { return arena_.memory.get(); }

   private:
    ArenaPool& pool_;
    Arena arena_;
  };

  /// At least `bytes`, aligned to 64. Throws Error(limit) when the memory is not there.
  Lease take(int64_t bytes);

  /// Of all arenas that lie here unused.
  int64_t free_bytes();

 private:
  void give_back(Arena arena);

  std::mutex mutex_;
  std::vector<Arena> free_;
};

}  // namespace vitrail::engine_detail
