#pragma once
// What the kernels of convolutions see along the depth of volumes: for each of their taps, the slices that it
// lies on. Internal to onnx/.
//
//   const Slices x = slices_of(node, node.operand(0));  // 5 slices
//   const DepthTaps seen = seen_along_depth(node, x, {.kernel = 3, .before = 1, .after = 1});
//   // seen.maps[0]: slices -1 0 1 2 3; seen.maps[1]: 0 1 2 3 4; seen.maps[2]: 1 2 3 4 5; -1 and 5 are zeros
//
// Sizes that the file leaves open are computed where the network runs.

#include "vitrail/onnx/slices.h"

namespace vitrail::onnx_files {

struct DepthWindow {
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t before = 0, after = 0;  ///< padding; not used with another auto_pad
  AutoPad auto_pad = AutoPad::explicit_pads;
};

struct DepthTaps {
  std::vector<Operand> maps;  ///< by tap: [N D', C, H, W]
  Operand depth;              ///< D', i64 [1]
};

DepthTaps seen_along_depth(NodeImport& node, const Slices& x, const DepthWindow& window);

/// That of a transposed convolution: slice d of x reaches the slices d stride + k dilation - before of the
/// result, k below kernel.
struct TransposedDepth {
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t before = 0, after = 0, output_padding = 0;
};

/// The slices of the result whose place modulo stride is the same are a phase: some taps reach it, the others
/// never do.
struct DepthPhase {
  std::vector<int64_t> taps;
  std::vector<Operand> maps;  ///< by tap: the slices of x that it comes from
};
struct DepthPhases {
  std::vector<DepthPhase> phases;  ///< as many as strides
  Operand depth;                   ///< of the result, i64 [1]
  /// Where the result's slices lie in the phases, one after the other; nothing where they are the result.
  std::optional<Operand> order;
};

DepthPhases reached_along_depth(NodeImport& node, const Slices& x, const TransposedDepth& window);

}  // namespace vitrail::onnx_files
