#pragma once
// One operator on real tensors, the plain way: row-major, one thread, correct before fast. It is the meaning
// of tensor_ops.h in executable form, used where shapes are inferred (sizes computed in the graph), where
// the engine folds constants, and where the engine has no faster step.
//
//   Tensor sizes = evaluate(op::Concat{.axis = 0}, {{batch, Tensor::from<int64_t>({1}, {-1})}});
//
// Types: f32, f64, i64, i32, i8, u8 and boolean, where the operator is defined on them; operators that only
// move elements take every type. Sums of floats are kept in double precision. Integers wrap around (two's
// complement); floats that do not fit an integer saturate, and NaN becomes 0.

#include <span>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/op.h"

namespace vitrail {

/// True for the operators `evaluate` knows: all of tensor_ops.h, and those of op.h and own_ops.h but the
/// convolutions, windows and image resizing that only fast kernels are worth running.
bool can_evaluate(const Op& op);
/// Whether it knows elements of this type, as input or result.
bool can_evaluate_type(const Op& op, DataType type);

/// Largest result `evaluate` makes unless it is told otherwise, in elements.
inline constexpr int64_t kMostEvaluated = int64_t{1} << 28;

/// The operator's result. `inputs` are undefined where an optional input is left out. The shape rules
/// (shape_inference.h) are applied first, so what they refuse is refused here too: Error(shape),
/// Error(unsupported). Error(limit) for a result of more than `most_elements`, before it is allocated;
/// Error(numeric) for an integer division by zero; Error(shape) for an index out of range.
Tensor evaluate(const Op& op, std::span<const Tensor> inputs, int64_t most_elements = kMostEvaluated);

}  // namespace vitrail
