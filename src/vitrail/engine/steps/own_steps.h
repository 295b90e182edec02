#pragma once
// Steps of the operators that are our own (graph/own_ops.h). All read and write channels-last maps.

#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

Step make_dynamic_deconvolution(const StepContext& context, const Layer& layer,
                                const op::DynamicDeconvolution& deconvolution);
Step make_encoding(const StepContext& context, const Layer& layer);
Step make_adaptive_pool(const StepContext& context, const Layer& layer, const op::AdaptivePool& pool);

}  // namespace vitrail::engine_detail
