#include "vitrail/engine/spread_threads.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "vitrail/base/parallel.h"

namespace vitrail {
namespace {

cpu_set_t allowed_cores() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  return set;
}

void allow(const cpu_set_t& set) {
  sched_setaffinity(0, sizeof set, &set);
}

// Both threads on the caller's core, free to leave it.
void stack_two_threads() {
  const cpu_set_t before = allowed_cores();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  parallel_ranges(2, 1, [&](int64_t, int64_t, int) { allow(one); });
  parallel_ranges(2, 1, [&](int64_t, int64_t, int) { allow(before); });
}

std::vector<int> cores_of_two_threads() {
  std::vector<int> cores(2);
  parallel_ranges(2, 1,
                  [&](int64_t, int64_t, int thread) { cores[static_cast<size_t>(thread)] = sched_getcpu(); });
  return cores;
}

TEST(SpreadThreads, AWorkerOnTheCallersCoreMovesAndAffinitiesStay) {
  const cpu_set_t before = allowed_cores();
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "needs two cores";
  const ThreadScope scope(2);
  int moved = 0, apart = 0;
  for (int round = 0; round < 200 && apart == 0; ++round) {  // the scheduler may act in between
    stack_two_threads();
    const int now = spread_threads();
    const std::vector<int> cores = cores_of_two_threads();
    moved += now;
    apart += now > 0 && cores[0] != cores[1];
    parallel_ranges(2, 1, [&](int64_t, int64_t, int) {
      const cpu_set_t after = allowed_cores();
      EXPECT_TRUE(CPU_EQUAL(&before, &after));
    });
  }
  EXPECT_GT(moved, 0);
  EXPECT_GT(apart, 0);
}

TEST(SpreadThreads, OneThreadAndAPinnedWorkerAreLeftAlone) {
  {
    const ThreadScope scope(1);
    EXPECT_EQ(spread_threads(), 0);
  }
  const cpu_set_t before = allowed_cores();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  const ThreadScope scope(2);
  parallel_ranges(2, 1, [&](int64_t, int64_t, int) { allow(one); });
  EXPECT_EQ(spread_threads(), 0);
  parallel_ranges(2, 1, [&](int64_t, int64_t, int) {
    const cpu_set_t after = allowed_cores();
    EXPECT_TRUE(CPU_EQUAL(&one, &after));
    allow(before);
  });
}

}  // namespace
}  // namespace vitrail
