#pragma once
// A convolution's weight as one packed matrix per kernel position, for our own products.

#include "vitrail/engine/kernels/gemm.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

/// [kh * kw, packed_floats(in, out)] from the constant [out, in, kh, kw]; shared by all programs.
Tensor packed_taps(const StepContext& context, ValueId weight);

}  // namespace vitrail::engine_detail
