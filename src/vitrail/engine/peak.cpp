#include "vitrail/engine/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/gemm.h"

namespace vitrail {

double measured_peak_gflops(int threads) {
  namespace k = engine_detail::kernel;
  using Clock = std::chrono::steady_clock;
  constexpr k::MatrixSizes sizes{.m = 120, .n = 64, .k = 64};
  constexpr int tries = 10, repeats = 300;
  const std::vector<float> a(sizes.m * sizes.k, 1.0f), b(static_cast<size_t>(k::packed_floats(64, 64)), 1.0f);
  const ThreadScope scope(threads);
  double best = 0;
  for (int i = 0; i < tries; ++i) {
    const Clock::time_point before = Clock::now();
    parallel_ranges(threads, 1, [&](int64_t, int64_t, int) {
      std::vector<float> c(sizes.m * sizes.n);
      for (int repeat = 0; repeat < repeats; ++repeat)
        k::multiply(a.data(), sizes.k, b.data(), c.data(), sizes.n, sizes, {});
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - before).count();
    best = std::max(best, 2e-9 * threads * repeats * sizes.m * sizes.n * sizes.k / seconds);
  }
  return best;
}

}  // namespace vitrail
