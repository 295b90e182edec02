#pragma once
// A model as it goes into a file; internal to onnx/.

#include <array>
#include <vector>

#include "vitrail/onnx/onnx.h"

namespace vitrail::onnx_files {

/// The inference part of `model`, with every unknown N, H and W of an N x C x H x W input that `options`
/// fixes, and without SAME padding of dilated convolutions (same_padding.h). Throws Error(usage) naming every
/// parameter without a value, and where an option contradicts the graph.
Model prepared_for_export(const Model& model, const OnnxExportOptions& options);

/// For each output of four dimensions, whether its H and W are the first input's for any input size (tried on
/// two odd sizes). Then the file may call them by the same symbols.
std::vector<std::array<bool, 2>> keeps_input_size(const Graph& graph);

}  // namespace vitrail::onnx_files
