#pragma once
// Volumes N x C x D x H x W as pictures of their slices, which the graph's operators over space know: maps
// [N D, C, H, W], depth beside the batch. Internal to onnx/.
//
//   const Slices x = slices_of(node, node.operand(0));        // [2,8,16,24,32] -> [32,8,24,32]
//   const Operand y = node.add(op::GlobalMaxPool{}, {x.maps});  // whatever works slice by slice
//   node.define(volume_of(node, {y, x.samples, x.depth}));    // [2,8,16,1,1]
//
// The state remembers which slices a volume was made of: where layer follows layer, nothing is transposed in
// between, and what nobody reads as a volume is not in the model.

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

/// Those of `volume`, which has five dimensions: as they were made, or made now.
Slices slices_of(NodeImport& node, const Operand& volume);

/// The size of x along `axis`, i64 [1]: a number, or computed where the network runs.
Operand size_along(NodeImport& node, const Operand& x, int64_t axis);

/// The volume [samples, C, depth, H, W] of these slices.
Operand volume_of(NodeImport& node, const Slices& slices);

/// The same elements as maps [N, C, D, H W]: for windows along depth, and for what all of a sample's slices
/// say together.
Operand lines_of(NodeImport& node, const Slices& slices);
/// Back, from maps [N, C, D', H W]; N, H and W are those of `like`.
Slices slices_of_lines(NodeImport& node, const Operand& lines, const Slices& like);

/// `op` slice by slice, as a volume, where one of its inputs is known by its slices, the others agree with it
/// and the operator does not look along depth. Nothing otherwise.
std::optional<Operand> computed_by_slices(NodeImport& node, const Op& op, const std::vector<Operand>& inputs,
                                          const std::string& name);

}  // namespace vitrail::onnx_files
