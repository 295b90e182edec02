#include "vitrail/nets/instance/rcnn_heads.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {

void add_box_outputs(const Scope& roi_heads, Value features, const RcnnColumns& columns) {
  const Scope predictor = roi_heads / "box_predictor";
  Graph& graph = roi_heads.graph();
  graph.output("class_logits",
               linear(predictor / "cls_score", features, columns.classes + 1, init::Normal{0.01}));
  graph.output("box_codes",
               linear(predictor / "bbox_pred", features, 4 * columns.boxes, init::Normal{0.001}));
}

Value box_features(const Scope& roi_heads, Value crops, int64_t width) {
  const Scope head = roi_heads / "box_head";
  Value x = roi_heads.graph().add(op::Flatten{.axis = 1}, {crops}, head("flatten"));
  for (const char* const layer : {"fc6", "fc7"})
    x = relu(head / layer, linear(head / layer, x, width, init::XavierUniform{}));
  return x;
}

Value mask_scores(const Scope& roi_heads, Value crops, int64_t width, int64_t masks) {
  for (int64_t i = 1; i <= 4; ++i)
    crops = conv_relu(roi_heads / "mask_head" / cat("mask_fcn", i), crops, with_bias(conv3x3(width)));
  return mask_predictor(roi_heads, crops, width, masks);
}

Value mask_predictor(const Scope& roi_heads, Value features, int64_t width, int64_t masks) {
  const Scope predictor = roi_heads / "mask_predictor", up = predictor / "conv5_mask";
  const Value x = conv_transpose(
      up, features,
      {.out = width, .kernel = {2, 2}, .stride = 2, .pads = {0, 0, 0, 0}, .init = init::KaimingNormal{}});
  return conv(predictor / "mask_fcn_logits", relu(up, x), {.out = masks, .init = init::Normal{0.001}});
}

}  // namespace vitrail
