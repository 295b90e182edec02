#pragma once
// A oneDNN primitive that computes y from x, a constant weight and perhaps a bias: convolutions of floats and
// of bytes, and deconvolutions.

#include "vitrail/engine/steps/onednn.h"

namespace vitrail::engine_detail {

/// The constants as they lie in memory.
struct PrimitiveConstants {
  Tensor weight;
  DnnlDesc weight_desc;
  Tensor bias;  ///< f32; undefined: none
};

/// Sets what `step` executes, its kernel and the bytes that it needs. The input lies as `source` says; it is
/// reordered first where the primitive wants another layout.
void run_primitive(Step& step, const StepContext& context, const Layer& layer,
                   const dnnl::primitive_desc& description, const DnnlDesc& source,
                   const PrimitiveConstants& constants);

}  // namespace vitrail::engine_detail
