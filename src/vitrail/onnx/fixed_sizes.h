#pragma once
// A graph whose unknown input sizes are settled by the export options; internal to onnx/.

#include <array>

#include "vitrail/onnx/onnx.h"

namespace vitrail::onnx_files {

/// A copy of `graph` in which every unknown N, H and W of an N x C x H x W input has the size that `options`
/// fixes. Throws Error(usage) where an option contradicts the graph.
Graph with_fixed_sizes(const Graph& graph, const OnnxExportOptions& options);

/// For each output of four dimensions, whether its H and W are the first input's for any input size (tried on
/// two odd sizes). Then the file may call them by the same symbols.
std::vector<std::array<bool, 2>> keeps_input_size(const Graph& graph);

}  // namespace vitrail::onnx_files
