#include "vitrail/engine/spread_threads.h"

#include <array>
#include <atomic>

#include <sched.h>

#include "vitrail/base/parallel.h"

namespace vitrail {
namespace {

class Claims {
 public:
  /// Whether the core was still free.
  bool take(int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return true;
    return !taken_[static_cast<size_t>(cpu)].exchange(true);
  }
  bool taken(int cpu) const { return taken_[static_cast<size_t>(cpu)]; }

 private:
  std::array<std::atomic<bool>, CPU_SETSIZE> taken_ = {};
};

/// The kernel moves a thread at once when its own core is not allowed any more.
bool leave_core(Claims& claims) {
  cpu_set_t allowed, free;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  CPU_ZERO(&free);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && !claims.taken(cpu)) CPU_SET(cpu, &free);
  if (CPU_COUNT(&free) == 0 || sched_setaffinity(0, sizeof free, &free) != 0) return false;
  claims.take(sched_getcpu());
  sched_setaffinity(0, sizeof allowed, &allowed);
  return true;
}

}  // namespace

int spread_threads() {
  const int threads = omp_get_max_threads();
  if (threads < 2) return 0;
  Claims claims;
  std::atomic<int> arrived = 0, moved = 0;
  claims.take(sched_getcpu());
  parallel_ranges(threads, 1, [&](int64_t, int64_t, int thread) {
    if (thread > 0) {
      if (!claims.take(sched_getcpu()) && leave_core(claims)) ++moved;
      ++arrived;
      return;
    }
    // A worker on this core does not run before this thread steps aside.
    constexpr int patience = 8;
    for (int i = 0; i < patience && arrived < threads - 1; ++i)
      sched_yield();
  });
  return moved;
}

}  // namespace vitrail
