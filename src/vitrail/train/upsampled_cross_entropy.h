#pragma once
// Cross-entropy of logits that are smaller than the label map, resized on the fly: rows of full-size logits
// live only in the cache. It computes what resizing and then LibTorch's loss would, to rounding, in a
// fraction of the time: most of a small network's memory traffic is in its full-size logits.

#include <cstdint>
#include <vector>

#include <torch/torch.h>

namespace vitrail::train {

struct CrossEntropySum {
  at::Tensor sum;      ///< of w[y] (-log p[y]) over pixels whose label is not ignored; scalar, differentiable
  at::Tensor weights;  ///< of w[y] over those pixels; scalar
};

/// Whether the kernel takes these: f32 logits on the CPU, u8 or i64 labels.
bool upsampled_cross_entropy_takes(const at::Tensor& logits, const at::Tensor& labels);

/// logits [N, C, h, w] are resized bilinearly with half-pixel centres to the labels' [N, H, W].
/// `class_weights` holds C values. A label must be a class or `ignore_index`.
CrossEntropySum upsampled_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                        const std::vector<double>& class_weights, int64_t ignore_index);

}  // namespace vitrail::train
