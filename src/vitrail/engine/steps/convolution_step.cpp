#include "vitrail/engine/steps/convolution_step.h"

namespace vitrail::engine_detail {

kernel::MatrixEnd ConvolutionEnd::matrix_end(int64_t column) const {
  return {bias.defined() ? bias.data<float>().data() + column : nullptr, accumulate, activation.low,
          activation.high};
}

ConvolutionEnd end_of(const StepContext& context, const Layer& layer) {
  return {bias_of(context, layer), layer.residual != no_value, layer.activation};
}

Tensor bias_of(const StepContext& context, const Layer& layer) {
  const ValueId bias = optional_input(layer, 2);
  return bias == no_value ? Tensor() : context.network.value(bias).constant;
}

int64_t work_of(const StepContext& context, const Layer& layer) {
  const Shape& w = context.shape(layer.inputs[1]);
  return element_count(context.shape(layer.output)) * w[1] * w[2] * w[3];
}

void read_input_and_residual(Step& step, const Layer& layer) {
  step.reads = {layer.inputs[0]};
  if (layer.residual == no_value) return;
  step.reads.push_back(layer.residual);
  step.must_reuse = layer.residual;
}

}  // namespace vitrail::engine_detail
