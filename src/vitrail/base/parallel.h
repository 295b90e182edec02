#pragma once
// Loops over OpenMP threads, for inner loops of the engine and of training. The partition depends on the
// counts alone, so results are the same from run to run for a given thread count.

#include <algorithm>
#include <cstdint>

#include <omp.h>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace vitrail {

/// Sets the threads of parallel regions that the calling thread starts, and puts the old number back.
/// (OpenMP keeps that number per calling thread, so concurrent runs do not disturb each other.)
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// The OpenMP runtime's barriers are invisible to ThreadSanitizer; these calls tell it what they order. The
// compiler's own hand-over of captured variables lies outside of them and goes unwatched.
#if defined(__SANITIZE_THREAD__)
#define VITRAIL_UNWATCHED __attribute__((no_sanitize("thread")))
#else
#define VITRAIL_UNWATCHED
#endif
namespace fence {
#if defined(__SANITIZE_THREAD__)
inline char fork_tag, join_tag;
inline void before_fork() {
  __tsan_release(&fork_tag);
}
inline void after_fork() {
  __tsan_acquire(&fork_tag);
}
inline void before_join() {
  __tsan_release(&join_tag);
}
inline void after_join() {
  __tsan_acquire(&join_tag);
}
#else
inline void before_fork() {}
inline void after_fork() {}
inline void before_join() {}
inline void after_join() {}
#endif
}  // namespace fence

/// body(begin, end, thread) over one contiguous part of [0, count) per thread; `thread` < the run's threads.
/// Parts smaller than `grain` are not worth a thread.
template <class Body>
VITRAIL_UNWATCHED void parallel_ranges(int64_t count, int64_t grain, const Body& body) {
  const int64_t parts = std::clamp<int64_t>(count / std::max<int64_t>(grain, 1), 1, omp_get_max_threads());
  if (parts == 1) {
    if (count > 0) body(int64_t{0}, count, 0);
    return;
  }
  fence::before_fork();
#pragma omp parallel num_threads(static_cast <int>(parts))
  {
    fence::after_fork();
    // Inside a caller's own parallel region there may be fewer threads than parts.
    const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    const int64_t begin = count * thread / threads, end = count * (thread + 1) / threads;
    if (begin < end) body(begin, end, static_cast<int>(thread));
    fence::before_join();
  }
  fence::after_join();
}

/// body(i) for every i in [0, count).
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  parallel_ranges(count, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      body(i);
  });
}

}  // namespace vitrail
