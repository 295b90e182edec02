#pragma once
// Which instruction set our hand-tiled kernels may use.

#include "oneapi/dnnl/dnnl.hpp"

namespace vitrail::engine_detail::kernel {

enum class Isa { baseline, avx2, avx512 };

/// The best that this machine has and that oneDNN may use: ONEDNN_MAX_CPU_ISA caps our kernels too.
inline Isa isa() {
  static const Isa best = [] {
#if defined(__x86_64__)
    const auto allowed = static_cast<int>(dnnl::get_effective_cpu_isa());
    const auto allows = [&](dnnl::cpu_isa wanted) {
      return (allowed & static_cast<int>(wanted)) == static_cast<int>(wanted);
    };
    if (allows(dnnl::cpu_isa::avx512_core)) return Isa::avx512;
    if (allows(dnnl::cpu_isa::avx2)) return Isa::avx2;
#endif
    return Isa::baseline;
  }();
  return best;
}

}  // namespace vitrail::engine_detail::kernel
