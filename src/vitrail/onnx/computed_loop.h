#pragma once
// Loops whose length is computed when the network runs; internal to onnx/.

#include "vitrail/onnx/import_graph.h"

namespace vitrail::onnx_files {

/// Reads a Loop node as op::Loop, its body as a graph of its own. Throws Unsupported where what is carried
/// changes its type or its number of dimensions.
void read_computed_loop(NodeImport& node, const onnx::GraphProto& body);

}  // namespace vitrail::onnx_files
