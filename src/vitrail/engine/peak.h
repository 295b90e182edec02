#pragma once
// What the processor can do at most, to judge a kernel's speed by.

namespace vitrail {

/// Multiply-adds of f32 in GFLOP/s (two for each) that `threads` threads reach on matrices that stay in their
/// caches; the best of a few tries of a few milliseconds.
double measured_peak_gflops(int threads);

}  // namespace vitrail
