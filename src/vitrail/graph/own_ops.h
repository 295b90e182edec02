#pragma once
// The operators that Vitrail exists for. In ONNX files they are model-local functions of standard operators
// (domain "vitrail"), so that every runtime can run them; ours recognises them and uses its own kernels.

#include <array>
#include <cstdint>

namespace vitrail::op {

/// Spreads each pixel's class evidence over a 3x3 window, with weights of its own for every pixel: "pixel
/// voting" (Pixel Voting Decoder, section 3; SPEC 9.3).
///
/// Inputs: M [N,C,h,w] (evidence), V [N,9,h,w] (votes, taps in raster order: 0 = up-left ... 8 =
/// down-right), and optionally a reference whose H and W are the result's size. With t = (ty,tx) in
/// {-1,0,1}^2 and reads outside of M and V as 0:
///   exact:  D[c,y,x] = sum over t with s | (y-ty), s | (x-tx) of
///           M[c,(y-ty)/s,(x-tx)/s] * V[t,(y-ty)/s,(x-tx)/s]                        (eq. 6, 7, 9)
///   matrix: D[c,y,x] = M[c,y/s,x/s] * the same sum of V alone                       (eq. 10, 13, to the
///           letter; another function, SPEC 9.2)
/// Result: [N,C,H,W]. For stride 1 H = h. For stride 2 H is 2h - 1 or 2h: the reference's, or else 2h.
struct DynamicDeconvolution {
  enum class Form { exact, matrix };
  int64_t stride = 1;
  Form form = Form::exact;
};

/// EncNet's Encoding layer (SPEC 7.1). Inputs: x [N,D,H,W], codewords [K,D], smoothing [K]. With r_ik = x_i -
/// d_k over all pixels i and a_ik = softmax over k of smoothing_k |r_ik|^2: E_k = sum_i a_ik r_ik. Result:
/// [N,K,D].
struct Encoding {};

/// PyTorch's adaptive pooling to a fixed number of bins: bin b of n over a size s covers floor(b s / n) up
/// to, not with, ceil((b + 1) s / n). Inputs: x. Result: [N,C,bins[0],bins[1]].
struct AdaptivePool {
  std::array<int64_t, 2> bins{1, 1};
  bool maximum = false;  ///< the largest instead of the mean
};

}  // namespace vitrail::op
