#pragma once
// Element-wise functions over contiguous floats: op::Unary, op::Binary and op::Where. Like kernels.h they
// know nothing of shapes or threads.

#include <cstdint>

#include "vitrail/graph/op.h"

namespace vitrail::engine_detail::kernel {

/// y = f(x); y may be x. alpha and beta are the operator's.
using UnaryKernel = void (*)(const float* x, float* y, int64_t count, float alpha, float beta);
/// The kernel of a function of floats; nullptr for logical_not.
UnaryKernel unary_kernel(op::Unary::Function function);

/// y = f(a, b), where neighbours of a and b are step_a and step_b apart (0 repeats one value); y may be a or
/// b where their step is 1.
using FloatKernel = void (*)(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y,
                             int64_t count);
/// Of those that give floats; nullptr for comparisons and logic.
FloatKernel float_kernel(op::Binary::Function function);

using CompareKernel = void (*)(const float* a, int64_t step_a, const float* b, int64_t step_b, uint8_t* y,
                               int64_t count);
/// Of those that compare floats; nullptr for others.
CompareKernel compare_kernel(op::Binary::Function function);

}  // namespace vitrail::engine_detail::kernel
