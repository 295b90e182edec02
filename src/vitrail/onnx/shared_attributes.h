#pragma once
// What several operators of a file say by the same attributes; internal to onnx/.

#include <optional>

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

inline constexpr int64_t kMostGroups = 1 << 20;

/// Conv and what is fused with it, without kernel_shape, which the weight says.
inline op::Conv conv_of(NodeImport& node) {
  return {.strides = node.pair("strides", {1, 1}, 1),
          .pads = node.pads(),
          .dilations = node.pair("dilations", {1, 1}, 1),
          .group = node.integer("group", 1, 1, kMostGroups),
          .auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads)};
}

/// What MaxPool, AveragePool, LpPool and their quantised forms have in common.
template <class Pool>
Pool pool_of(NodeImport& node) {
  if (node.attribute("kernel_shape") == nullptr) node.refuse("no kernel_shape", "it is needed");
  Pool pool;
  pool.kernel = node.pair("kernel_shape", {1, 1}, 1);
  pool.strides = node.pair("strides", {1, 1}, 1);
  pool.pads = node.pads();
  pool.ceil_mode = node.flag("ceil_mode", false);
  pool.auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads);
  return pool;
}

/// alpha A' B' + beta C as the product's two factors and, where there is one, the summand. What can be is
/// computed at once: transpositions and factors of weights.
struct GemmParts {
  Operand a, b;
  std::optional<Operand> c;
};
GemmParts gemm_parts(NodeImport& node);

}  // namespace vitrail::onnx_files
