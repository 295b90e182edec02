#pragma once
// Settings of the whole process that make training faster. The library never changes them on its own: a
// program calls this once, at the start of main, before other threads exist.
//
//   configure_runtime({.threads = 2});
//
// Where other programs want the cores too, start the program with GOMP_SPINCOUNT=1000 in the environment, as
// `vitrail train` does by itself (OpenMP reads it before main): threads that spin while they wait for one
// that is not running made a step ten times slower.

#include <cstdint>

namespace vitrail::train {

struct RuntimeOptions {
  int threads = 0;  ///< LibTorch's threads within one operator; 0 = all cores that the process may use
  /// Keeps freed memory in the process instead of returning it to the system (glibc's mallopt: no mmap for
  /// large blocks, no trimming), because activations of the same sizes come back every step and fresh pages
  /// cost more than the arithmetic. The process then holds its peak until it ends.
  bool keep_memory = true;
};

/// Returns the number of threads set. Throws Error(usage) for a negative number.
int configure_runtime(const RuntimeOptions& options = {});

}  // namespace vitrail::train
