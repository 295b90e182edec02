#pragma once
// A convolution's weight as packed matrices for our own products.

#include "vitrail/engine/kernels/gemm.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

/// [kh * kw, packed_floats(in, out)] from the constant [out, in, kh, kw]; shared by all programs.
Tensor packed_taps(const StepContext& context, ValueId weight);

/// A convolution's weight as one packed matrix [kh * kw * in] x [out], in the precision of the engine.
struct PackedWindow {
  Tensor packed;
  int64_t depth = 0;
  bool bf16 = false;

  /// kernel::multiply for the columns that start at `column`, a multiple of kernel::panel_width.
  void multiply(const float* const* a, int64_t parts, int64_t lda, int64_t column, float* c, int64_t ldc,
                const kernel::MatrixSizes& sizes, const kernel::MatrixEnd& end) const;
};
PackedWindow packed_window(const StepContext& context, ValueId weight);

}  // namespace vitrail::engine_detail
