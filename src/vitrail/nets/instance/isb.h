#pragma once
// The instance segmentation branch of the thesis (SPEC 11.3): from the crops of one box to its mask.
//
//   const Value masks = segmentation_branch(net / "isb_9x4", {.height = 9, .width = 4}, {.coarse = 1024,
//                                           .middle = 512, .fine = 256});      // [R, 1, 36, 16], logits
//
// It adds the inputs `<scope>.crop_32` [R,C,h,w], `<scope>.crop_16` [R,C,2h,2w] and `<scope>.crop_8`
// [R,C,4h,4w], R boxes at a time, and to them a decoder as FCN-8's:
//
//   separable 3x3 -> 128;  4x4 transposed, stride 2 -> 32, plus 1x1(crop_16);
//   4x4 transposed, stride 2 -> 32, plus 1x1(crop_8);  1x1 -> masks
//
// The thesis's totals fix these layers and their biases; that activations follow the first three is presumed
// (SPEC 18), so they are an option.

#include <cstdint>

#include "vitrail/nets/scope.h"

namespace vitrail {

enum class BranchActivation { relu, relu6, none };

struct BranchOptions {
  int64_t height = 10, width = 10;  ///< of the coarsest crop, in cells
  int64_t finest = 8;               ///< stride of the finest crop: 8 (FCN-8), 16 (FCN-16) or 32
  /// Kernel of the first convolution. TensorFlow's SAME padding.
  Pair kernel{3, 3};
  bool ordinary = false;  ///< the first convolution is an ordinary one; else separable
  int64_t rate = 1;       ///< its dilation
  int64_t depth = 1;      ///< separable convolutions one after the other; the later ones are 128 -> 128
  int64_t channels = 128, step_channels = 32;
  int64_t masks = 1;  ///< logits per cell
  BranchActivation activation = BranchActivation::relu;
  /// Reads `<scope>.crop_box` too, [R,1,h,w] of the finest crop's size: which cells lie in the very box. It
  /// enters before the first activation (3x3 on its coarse mean) and before the scores (1x1).
  bool conditioned = false;
};

/// Channels of the maps that are cropped.
struct CropChannels {
  int64_t coarse = 0, middle = 0, fine = 0;  ///< at strides 32, 16 and 8
};

/// Logits [R, masks, h * 32 / finest, w * 32 / finest].
Value segmentation_branch(const Scope& scope, const BranchOptions& options, const CropChannels& channels);

}  // namespace vitrail
