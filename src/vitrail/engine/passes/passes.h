#pragma once
// Rewrites of a Network that change its speed and never its results (beyond rounding).
//
// Adding one: a file here, its line below and in engine.cpp or bound_passes(), and its case in
// passes_test.cpp, which checks before = after on random networks.

#include <functional>

#include "vitrail/engine/memory_budget.h"
#include "vitrail/engine/network.h"

namespace vitrail::engine_detail {

// For all sizes, once.

/// Removes Identity and (in inference the identity) Dropout.
void drop_identity(Network& network);
/// Evaluates what is made from constants alone, where the result is at most 4 MiB or as large as what it is
/// made from.
void fold_constants(Network& network);
/// Layers that compute the same from the same become one, and so do small constants.
void merge_common(Network& network);
/// Removes layers whose results nobody reads, and lets go of constants that nobody reads.
void drop_dead(Network& network);
/// Folds a BatchNormalization into the weights of the Conv or ConvTranspose before it, where nothing else
/// reads that convolution: w' = w * scale / sqrt(var + eps), b' = (b - mean) * scale / sqrt(var + eps) +
/// bias.
void fold_batch_norm(Network& network);

// For one input size, on a bound network.

/// A convolution some of whose windows lie in the padding alone reads a map that is padded before: oneDNN's
/// kernels may crash on such windows.
void split_padding(Network& network);
/// Convolutions, sums, pools and concatenations between DequantizeLinear and QuantizeLinear run on the bytes
/// themselves, where this machine multiplies bytes fast and oneDNN has a fast kernel; maps stay bytes from
/// one to the next. Results differ by at most the rounding of what is no longer rounded.
void fuse_quantized(Network& network);
/// conv(x) + r becomes one layer that accumulates into r's buffer, where nothing else reads conv(x) and
/// nothing reads r afterwards.
void fuse_residual(Network& network);
/// Relu and Clip become part of the Conv, Add, Mul or BatchNormalization before them, where nothing else
/// reads it.
void fuse_activation(Network& network);
/// From a map to a sequence of pixels (Reshape to [N,C,H W], Transpose to [N,H W,C]) and back: the two in
/// the other order, in which a channels-last map only changes its name.
void free_transposes(Network& network);
/// MatMul takes over the bias that is added to it, and then a function (GELU, ReLU ...) of the sum.
void fuse_matmul(Network& network);
/// Functions that oneDNN computes with the result of a convolution or product.
bool is_fusible(const op::Unary& unary);
/// They become part of the Conv before them, where oneDNN runs it and nothing else reads it.
void fuse_function(Network& network);
/// ArgMax over the channels of a linear Resize becomes one layer that never stores the resized map.
void fuse_resize_argmax(Network& network);

/// A convolution over a concatenation with linearly enlarged small maps (pyramid pooling) becomes the
/// convolution of the other parts plus products with the small maps themselves: enlarging is linear, so what
/// a kernel tap sees of an enlarged map is a fixed combination of products with its few pixels.
void factor_enlarged(Network& network);
/// A 1x1 convolution over a concatenation that nothing else reads becomes the sum of the convolutions of its
/// parts, where adding moves less memory than joining.
void sum_concatenated(Network& network);
/// Says which 3x3 convolutions with stride 1 run by Winograd's algorithm: those of a multiple of 16 channels
/// where a model of arithmetic and memory traffic finds it faster. Results change by rounding (about 1e-6 of
/// the largest).
void choose_winograd(Network& network);
/// Convolutions on large maps that only the next one reads run together row by row, so that the maps between
/// them stay in the caches and take no memory; every depthwise convolution runs so. `threads` share the rows,
/// and each makes the few rows around its own again.
void form_row_strips(Network& network, int threads, Thrift thrift = Thrift::none);
/// A strip whose first convolution reads a few planes takes them row-major too: an image as it was given.
bool reads_planes(const Network& network, const Layer& layer);
/// A Resize that is only an output writes N x C x H x W itself: full-size logits are never transposed.
void write_outputs_directly(Network& network);

/// Decides which rank-4 floats lie channels-last and which row-major, and adds the layers (Identity, whose
/// sides differ) that bring a value to the layout its reader wants. compile() does it; nothing may be
/// rewritten afterwards.
///
/// Sliding windows and whatever works by pixel read and write channels-last (but see reads_planes); Reshape,
/// MatMul and their like row-major; element-wise operators stay with what they read; Transpose, Slice and
/// their like read anything and write what is wanted next.
void choose_layouts(Network& network);

/// What a concatenation would copy is made in its place at once: NetworkValue::place. Where parts of the
/// result lie in one piece each (the first dimension of several elements is joined) any layer can do that;
/// where they alternate (channels of maps) those for which `makes_gaps` is true, if nothing else reads it.
/// After choose_layouts.
void place_in_concatenations(Network& network, const std::function<bool(const Layer&)>& makes_gaps);

/// Joins layers to the one that makes their first input, where nothing else reads that: `join` changes it and
/// answers true, or leaves it. It then carries the layer's name and makes its output.
void join_to_makers(Network& network, const std::function<bool(Layer& before, const Layer& layer)>& join);
struct ChannelRange {
  int64_t first = 0, count = 0;
};
/// The part of a Conv's weight that these of its input channels meet, as a constant that programs share.
ValueId weight_part(Network& network, const Layer& conv, const std::vector<ChannelRange>& ranges);
/// Removes the layers at which `dropped` is set.
void erase_layers(Network& network, const std::vector<bool>& dropped);

}  // namespace vitrail::engine_detail
