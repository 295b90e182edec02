#pragma once
// The exact form of dynamic deconvolution on an NVIDIA GPU, planar f32. Compiled where CMake finds a CUDA
// compiler (VITRAIL_CUDA is then defined); without one LibTorch's own operators do it, slower and with nine
// times the memory (own_operators.h).

#include "vitrail/engine/kernels/dynamic_deconvolution.h"

namespace vitrail::train {

/// All pointers are to the memory of the current device; `stream` is a cudaStream_t. The work is queued, not
/// awaited. Returns "" or what CUDA said.
const char* dynamic_deconvolution_cuda(const kernels::DynamicDeconvolutionSize& size, const float* m,
                                       const float* v, float* d, void* stream);
/// dm or dv may be nullptr.
const char* dynamic_deconvolution_backward_cuda(const kernels::DynamicDeconvolutionSize& size, const float* m,
                                                const float* v, const float* gradient, float* dm, float* dv,
                                                void* stream);

}  // namespace vitrail::train
