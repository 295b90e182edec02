#pragma once
// Dynamic deconvolution (op::DynamicDeconvolution; Pixel Voting Decoder, section 3; SPEC 9) on plain arrays:
// forward for the engine, forward and backward for training. No library is needed.
//
//   DynamicDeconvolutionSize size{.images = 1, .channels = 19, .height = 64, .width = 128,
//                                 .out_height = 128, .out_width = 256, .op = {.stride = 2}};
//   dynamic_deconvolution(size, m, v, d);                        // d: 1 x 19 x 128 x 256
//   dynamic_deconvolution_backward(size, m, v, gradient, dm, dv);
//
// Every result is gathered, never scattered: each thread owns the rows it writes, so there are no races, and
// the bits do not depend on the number of threads (base/parallel.h decides that number). Reads outside of M
// and V count as nothing, whatever the neighbouring memory holds: NaN and infinity spread only as far as
// their votes.

#include <cstdint>

#include "vitrail/graph/own_ops.h"

namespace vitrail::kernels {

enum class ImageLayout {
  planar,        ///< N, C, H, W: a plane per channel
  channels_last  ///< N, H, W, C: the engine's layout, and LibTorch's ChannelsLast
};

/// M is images x channels x height x width, V images x 9 x height x width, D images x channels x out_height x
/// out_width, all three in `layout`, dense, and not overlapping. With stride 1 the output has M's size; with
/// stride 2 each side is 2 s - 1 or 2 s. Every size is at least 1; the caller has checked that (shape
/// inference does), and that the element counts fit int64_t.
struct DynamicDeconvolutionSize {
  int64_t images = 1;
  int64_t channels = 1;
  int64_t height = 1;
  int64_t width = 1;
  int64_t out_height = 1;
  int64_t out_width = 1;
  op::DynamicDeconvolution op;
  ImageLayout layout = ImageLayout::planar;
};

/// D from M and V, in either form. About as fast as memory: 9 multiply-adds per element of M (exact).
void dynamic_deconvolution(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d);

/// The gradients of M and V, given that of D:
///   exact:  dM[c,i,j] = sum over t of V[t,i,j] G[c,s i+ty,s j+tx],
///           dV[t,i,j] = sum over c of M[c,i,j] G[c,s i+ty,s j+tx]
///   matrix: the same with the roles that eq. (10) gives: dM[c,i,j] = sum over the s x s outputs of (i,j) of
///           G W, dV[t,i,j] = H[s i+ty,s j+tx], with W the gathered votes and H[y,x] = sum over c of
///           G[c,y,x] M[c,y/s,x/s].
/// Both are overwritten, not added to; one that is not wanted is nullptr.
void dynamic_deconvolution_backward(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                                    const float* gradient, float* dm, float* dv);

/// The exact form the slow way: pixel after pixel of M adds its 3x3 window of votes to D, on one thread. It
/// is what Table 3 of the paper calls step-by-step update; for tests and bench/dynamic_deconvolution.
void dynamic_deconvolution_by_steps(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                                    float* d);

}  // namespace vitrail::kernels
