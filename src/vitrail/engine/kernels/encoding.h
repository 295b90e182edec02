#pragma once
// EncNet's Encoding layer (op::Encoding; SPEC 7.1) on plain arrays, forward and backward. Codewords d_k
// divide the pixels' vectors x_i softly among themselves, and the result is the sum of what each codeword
// misses:
//   r_ik = x_i - d_k,  a_ik = softmax over k of smoothing_k |r_ik|^2,  E_k = sum over i of a_ik r_ik
//
//   EncodingSize size{.images = 2, .pixels = 64 * 64, .depth = 512, .codewords = 32};
//   encoding(size, x, codewords, smoothing, result);   // result: 2 x 32 x 512
//
// |r|^2 is summed from the differences themselves, so it loses nothing where x lies close to a codeword, and
// the softmax is shifted by its largest entry, so no smoothing overflows it. Nothing is divided by
// `smoothing`: zero is a value like any other. Sums are formed in a fixed order: the bits do not depend on
// the number of threads.

#include <cstdint>

namespace vitrail::kernels {

/// x is images x pixels x depth (channels-last: N,H,W,C with pixels = H W), codewords codewords x depth,
/// smoothing codewords, the result images x codewords x depth; all dense. Every size is at least 1.
struct EncodingSize {
  int64_t images = 1;
  int64_t pixels = 1;
  int64_t depth = 1;
  int64_t codewords = 1;
};

void encoding(const EncodingSize& size, const float* x, const float* codewords, const float* smoothing,
              float* result);

/// The gradients of x, codewords and smoothing, given that of the result. With g_ik the gradient of
/// smoothing_k |r_ik|^2:
///   dx_i = sum over k of a_ik G_k + 2 g_ik smoothing_k r_ik
///   dcodeword_k = -sum over i of the same,   dsmoothing_k = sum over i of g_ik |r_ik|^2
/// All are overwritten, not added to; one that is not wanted is nullptr.
void encoding_backward(const EncodingSize& size, const float* x, const float* codewords,
                       const float* smoothing, const float* gradient, float* dx, float* dcodewords,
                       float* dsmoothing);

}  // namespace vitrail::kernels
