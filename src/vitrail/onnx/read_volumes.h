#pragma once
// Convolutions and pooling over three dimensions of space, N x C x D x H x W, as those over the two of their
// slices (slices.h, depth_windows.h). Internal to onnx/.
//
// A convolution reads, beside each slice, the slices that its kernel's other taps along depth lie on, as
// further channels: a kernel [M,C,3,3,3] becomes one of [M,3 C,3,3]. A pool takes the windows of each slice,
// then along depth. A transposed convolution of stride s is s transposed convolutions of slices, whose
// results alternate.

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

inline bool is_volume(NodeImport& node, const Operand& x) {
  return node.rank(x) == 5;
}

void read_volume_conv(NodeImport& node);
void read_volume_conv_transpose(NodeImport& node);
void read_volume_max_pool(NodeImport& node);
void read_volume_average_pool(NodeImport& node);

/// x [N,C,D,H,W] resized to `sizes` (i64 [1]) where they are, by `scales` elsewhere; one of each for every
/// dimension, N and C staying as they are.
Operand resized_volume(NodeImport& node, const op::Resize& resize, const Operand& x,
                       const std::vector<double>& scales, const std::vector<std::optional<Operand>>& sizes);

/// x padded by {before..., after...}, two amounts for each dimension, of which those of N and C are 0.
Operand padded_volume(NodeImport& node, op::Pad pad, const Operand& x, const std::vector<int64_t>& amounts);

}  // namespace vitrail::onnx_files
