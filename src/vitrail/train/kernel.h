#pragma once
// How the inner loops of training are compiled: for the vector units of the machine they meet, chosen once at
// start.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define VITRAIL_TRAIN_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VITRAIL_TRAIN_KERNEL
#endif
