#pragma once
// Convolutions whose weights the network computes (conditional filters, correlation with a template): windows
// of the map times a matrix. Internal to onnx/.

#include <vector>

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

/// Whether an input of the network takes part in computing this.
bool depends_on_inputs(const Graph& graph, const Operand& operand);

/// x [N,C,H,W] by weight [M, C/group, kh, kw] and, where there, bias [M]. Throws Unsupported for a kernel of
/// open size and for SAME padding.
Operand convolved_by_computed(NodeImport& node, const op::Conv& conv, const std::vector<Operand>& inputs);

}  // namespace vitrail::onnx_files
