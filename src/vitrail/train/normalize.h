#pragma once
// Batch normalisation and the activation behind it as one differentiable operation: half the memory traffic
// of the two, which is what a small network's training step consists of on a CPU.

#include <limits>

#include <torch/torch.h>

namespace vitrail::train {

struct NormalizeOptions {
  bool batch_statistics = true;  ///< of this batch, moving the running ones; else the running ones are used
  double momentum = 0.1;         ///< running += momentum (batch - running), PyTorch's way round
  double epsilon = 1e-5;
  double low = -std::numeric_limits<double>::infinity();  ///< the activation: min(max(y, low), high)
  double high = std::numeric_limits<double>::infinity();
};

struct NormalizeTensors {
  at::Tensor scale, bias;                ///< [C]
  at::Tensor running_mean, running_var;  ///< [C]; the variance that is kept is the unbiased one
};

/// y = clip((x - mean) / sqrt(var + epsilon) * scale + bias). x: [N, C, H, W] or [N, C]. f32 maps in
/// channels-last layout take the fused kernels, all others LibTorch's; the values agree to rounding. The
/// activation passes no gradient where it clips, its bounds included.
at::Tensor normalize(const at::Tensor& x, const NormalizeTensors& tensors, const NormalizeOptions& options);

}  // namespace vitrail::train
