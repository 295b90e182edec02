#pragma once
// Elements that are put into a tensor by their positions; internal to onnx/.

#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {

/// What an element becomes that is there already.
enum class Scattering { replaced, added, multiplied, larger, smaller };

/// The attribute "reduction".
Scattering scattering_of(const NodeImport& node);

/// Emits a copy of x with `updates` at `positions` (of x seen as one line, i64, as many as updates). Of
/// several updates of one position all count; where they replace, the last one.
void emit_scattered(NodeImport& node, const Operand& x, const Operand& positions, const Operand& updates,
                    Scattering how);

}  // namespace vitrail::onnx_files
