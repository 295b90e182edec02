#include <algorithm>

#include "vitrail/engine/network.h"
#include "vitrail/engine/steps/math_kernels.h"
#include "vitrail/engine/takes_images.h"
#include "vitrail/graph/evaluate.h"

namespace vitrail::engine_detail {
namespace {

struct OwnStep {
  const Network& network;
  const Layer& layer;

  DataType type(ValueId id) const { return network.value(id).type; }
  bool floats() const {
    return std::all_of(layer.inputs.begin(), layer.inputs.end(),
                       [&](ValueId id) { return id == no_value || type(id) == DataType::f32; });
  }

  // Those that move elements take every type.
  bool operator()(const op::Identity&) const { return true; }
  bool operator()(const op::Dropout&) const { return true; }
  bool operator()(const op::Concat&) const { return true; }
  bool operator()(const op::Where&) const { return true; }
  bool operator()(const op::Reshape&) const { return true; }
  bool operator()(const op::Flatten&) const { return true; }
  bool operator()(const op::Squeeze&) const { return true; }
  bool operator()(const op::Unsqueeze&) const { return true; }
  bool operator()(const op::Transpose&) const { return true; }
  bool operator()(const op::Expand&) const { return true; }
  bool operator()(const op::Tile&) const { return true; }
  bool operator()(const op::Slice&) const { return true; }
  bool operator()(const op::DepthToSpace&) const { return true; }
  bool operator()(const op::SpaceToDepth&) const { return true; }
  bool operator()(const op::Gather&) const { return true; }

  bool operator()(const op::Relu&) const { return floats(); }
  bool operator()(const op::Clip&) const { return floats(); }
  bool operator()(const op::Sigmoid&) const { return floats(); }
  bool operator()(const op::Add&) const { return floats(); }
  bool operator()(const op::Mul&) const { return floats(); }
  bool operator()(const op::BatchNormalization&) const { return floats(); }
  bool operator()(const op::GlobalAveragePool&) const { return floats(); }
  bool operator()(const op::Softmax&) const { return floats(); }
  bool operator()(const op::LogSoftmax&) const { return floats(); }
  bool operator()(const op::ArgMax&) const { return floats(); }
  bool operator()(const op::MatMul&) const { return floats(); }
  bool operator()(const op::Reduce& op) const {
    return floats() && op.function != op::Reduce::Function::log_sum_exp;
  }
  bool operator()(const op::LayerNormalization&) const { return floats(); }
  bool operator()(const op::InstanceNormalization&) const { return floats(); }
  bool operator()(const op::GlobalMaxPool&) const { return floats(); }
  bool operator()(const op::AdaptivePool&) const { return floats(); }
  bool operator()(const op::Pad&) const { return floats(); }
  bool operator()(const op::DynamicDeconvolution&) const { return floats(); }
  bool operator()(const op::Encoding&) const { return floats(); }
  bool operator()(const op::LRN&) const { return floats() && network.shape(layer.output).size() == 4; }
  bool operator()(const op::GridSample&) const { return floats(); }
  bool operator()(const op::MaxUnpool&) const { return type(layer.inputs[0]) == DataType::f32; }
  bool operator()(const op::RoiAlign& op) const {
    return op.mode == op::RoiAlign::Mode::average && type(layer.inputs[0]) == DataType::f32;
  }
  bool operator()(const op::Unary& op) const {
    return floats() && kernel::unary_kernel(op.function) != nullptr;
  }
  bool operator()(const op::Binary& op) const {
    return floats() &&
           (kernel::float_kernel(op.function) != nullptr || kernel::compare_kernel(op.function) != nullptr);
  }
  bool operator()(const op::Cast& op) const {
    const DataType from = type(layer.inputs[0]);
    return from == op.to || op.to == DataType::f32;
  }

  // Without a step of its own whatever evaluate() knows goes there; all else must have one.
  template <class Other>
  bool operator()(const Other&) const {
    return !can_evaluate(layer.op);
  }
};

}  // namespace

bool takes_images(const Network& network, const Layer& layer) {
  const auto* gather = std::get_if<op::Gather>(&layer.op);
  return gather != nullptr && (gather->axis == 0 || gather->axis == -4) &&
         network.value(layer.output).type == DataType::f32 && network.shape(layer.inputs[0]).size() == 4 &&
         network.shape(layer.inputs[1]).size() == 1;
}

bool has_own_step(const Network& network, const Layer& layer) {
  if (layer.bytes) return true;
  return std::visit(OwnStep{network, layer}, layer.op);
}

}  // namespace vitrail::engine_detail
