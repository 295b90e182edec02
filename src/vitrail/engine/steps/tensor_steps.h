#pragma once
// Steps of the operators over tensors of any rank and type (graph/tensor_ops.h), and of those over space that
// are not convolutions. The steps of plain element-wise arithmetic and of the sliding windows are in steps.h.

#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

// Element by element.
Step make_unary(const StepContext& context, const Layer& layer, const op::Unary& unary);
Step make_tensor_binary(const StepContext& context, const Layer& layer, const op::Binary& binary);
Step make_where(const StepContext& context, const Layer& layer);
Step make_cast(const StepContext& context, const Layer& layer);

// Moving elements. Reshape and its like cost nothing where they may take over their input's buffer.
Step make_reshape(const StepContext& context, const Layer& layer);
Step make_transpose(const StepContext& context, const Layer& layer, const op::Transpose& transpose);
Step make_expand(const StepContext& context, const Layer& layer);
Step make_tile(const StepContext& context, const Layer& layer);
Step make_slice(const StepContext& context, const Layer& layer);
Step make_depth_to_space(const StepContext& context, const Layer& layer, const op::DepthToSpace& op);
Step make_space_to_depth(const StepContext& context, const Layer& layer, const op::SpaceToDepth& op);
/// From one layout to the other.
Step make_layout_change(const StepContext& context, const Layer& layer);
Step make_gather(const StepContext& context, const Layer& layer, const op::Gather& gather);

// Sums and products.
Step make_reduce(const StepContext& context, const Layer& layer, const op::Reduce& reduce);
Step make_matmul(const StepContext& context, const Layer& layer);
Step make_layer_norm(const StepContext& context, const Layer& layer, const op::LayerNormalization& norm);
Step make_instance_norm(const StepContext& context, const Layer& layer,
                        const op::InstanceNormalization& norm);

// Over space.
Step make_global_max_pool(const StepContext& context, const Layer& layer);
Step make_max_pool_indices(const StepContext& context, const Layer& layer, const op::MaxPoolIndices& pool);
Step make_max_unpool(const StepContext& context, const Layer& layer);
Step make_lrn(const StepContext& context, const Layer& layer, const op::LRN& lrn);
Step make_roi_align(const StepContext& context, const Layer& layer, const op::RoiAlign& align);
Step make_grid_sample(const StepContext& context, const Layer& layer, const op::GridSample& sample);

/// The operator's plain evaluation (graph/evaluate.h) as a step; its report says "reference".
Step make_reference(const StepContext& context, const Layer& layer);

}  // namespace vitrail::engine_detail
