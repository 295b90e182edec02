#include "vitrail/engine/steps/onednn.h"

#include <stdexcept>

namespace vitrail::engine_detail {

void append_function(dnnl::post_ops& ops, const op::Unary& unary) {
  using F = op::Unary::Function;
  const auto append = [&](dnnl::algorithm algorithm, double alpha, double beta = 0) {
    ops.append_eltwise(1.0f, algorithm, static_cast<float>(alpha), static_cast<float>(beta));
  };
  switch (unary.function) {
    case F::gelu: return append(dnnl::algorithm::eltwise_gelu_erf, 0);
    case F::gelu_tanh: return append(dnnl::algorithm::eltwise_gelu_tanh, 0);
    case F::tanh: return append(dnnl::algorithm::eltwise_tanh, 0);
    case F::swish: return append(dnnl::algorithm::eltwise_swish, 1);
    case F::hard_swish: return append(dnnl::algorithm::eltwise_hardswish, 0);
    case F::hard_sigmoid:
      append(dnnl::algorithm::eltwise_linear, unary.alpha, unary.beta);
      return append(dnnl::algorithm::eltwise_clip, 0, 1);
    case F::leaky_relu: return append(dnnl::algorithm::eltwise_relu, unary.alpha);
    case F::elu: return append(dnnl::algorithm::eltwise_elu, unary.alpha);
    default: throw std::logic_error("a function that oneDNN is not asked to fuse");
  }
}

}  // namespace vitrail::engine_detail
