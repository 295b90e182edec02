#pragma once
// Shared by the steps that run oneDNN primitives.

#include <span>

#include "vitrail/base/error.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

using DnnlDims = dnnl::memory::dims;
using DnnlDesc = dnnl::memory::desc;
using DnnlTag = dnnl::memory::format_tag;

inline DnnlDesc f32_desc(const DnnlDims& dims, DnnlTag tag) {
  return {dims, dnnl::memory::data_type::f32, tag};
}

inline Error refused_by_onednn(const Layer& layer, const char* what) {
  return Error(ErrorKind::unsupported, {.where = "node '" + layer.name + "'",
                                        .found = std::string("oneDNN has no kernel for it: ") + what});
}

/// Relu or a clip at the end of a primitive.
inline void append_activation(dnnl::post_ops& ops, const Activation& activation) {
  if (activation.low == 0 && !activation.bounded_above())
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  else
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, activation.low, activation.high);
}

/// A function of the result (Layer::function), which is_fusible in passes.h allows.
void append_function(dnnl::post_ops& ops, const op::Unary& unary);

}  // namespace vitrail::engine_detail
