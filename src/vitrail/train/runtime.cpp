#include "vitrail/train/runtime.h"

#include <torch/torch.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <thread>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

int usable_cores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

int configure_runtime(const RuntimeOptions& options) {
  if (options.threads < 0)
    throw Error(
        ErrorKind::usage,
        {.where = "threads", .found = cat(options.threads), .allowed = "1 or more, or 0 for all cores"});
#ifdef __GLIBC__
  if (options.keep_memory) {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
    mallopt(M_TOP_PAD, 256 << 20);
  }
#endif
  const int threads = options.threads > 0 ? options.threads : usable_cores();
  at::set_num_threads(threads);
  return threads;
}

}  // namespace vitrail::train
