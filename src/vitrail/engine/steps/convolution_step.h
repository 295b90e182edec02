#pragma once
// What the steps of convolutions share, whatever computes the products.

#include "vitrail/engine/kernels/gemm.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

/// What becomes of a sum: clamp(sum + bias (+ the residual, which lies where the result goes)).
struct ConvolutionEnd {
  Tensor bias;  ///< undefined: none
  bool accumulate = false;
  Activation activation;

  /// From output channel `column` on.
  kernel::MatrixEnd matrix_end(int64_t column = 0) const;
};
ConvolutionEnd end_of(const StepContext& context, const Layer& layer);

/// The layer's bias; undefined: none.
Tensor bias_of(const StepContext& context, const Layer& layer);

/// Multiply-adds of a convolution.
int64_t work_of(const StepContext& context, const Layer& layer);

/// It reads its input and, where it accumulates, the residual, whose buffer the result takes over.
void read_input_and_residual(Step& step, const Layer& layer);

}  // namespace vitrail::engine_detail
