#pragma once
// VITRAIL_KERNEL before a function: its body is compiled for several instruction sets, and the one that the
// machine has is chosen when the program loads. For inner loops that the compiler vectorises.
//
//   VITRAIL_KERNEL void scale(float* y, int64_t count, float factor) {
//     for (int64_t i = 0; i < count; ++i) y[i] *= factor;
//   }

// Sanitizers cannot instrument the chooser.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define VITRAIL_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VITRAIL_KERNEL
#endif
