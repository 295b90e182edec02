#pragma once
// Mask R-CNN without a pyramid ("C4"): proposals and crops on one map, the last of three stages; the fourth
// stage of the encoder runs on crops. What mask_rcnn.h and pvd_rcnn.h share.

#include "vitrail/nets/instance/rcnn_settings.h"

namespace vitrail {

/// detectron2's: 15 anchors per cell of the map at stride 16.
RcnnSettings c4_settings(int64_t depth);

struct C4Options {
  int64_t classes = 80;
  int64_t rpn_channels = 0;  ///< of the proposal network's 3x3; 0 = as many as the map has
  int64_t rpn_dilation = 1;
  bool two_logits = false;  ///< see RpnOptions
  int64_t crop_stride = 2;  ///< of the fourth stage on crops
  int64_t crop = 14;        ///< side of crops
};

class C4 {
 public:
  C4(Graph& graph, const RcnnSettings& settings, const C4Options& options);

  /// Adds `image`, three stages `backbone.layer1` ... `layer3`, the proposal network and features_<stride>.
  ResNetMaps trunk();
  /// Adds `box_crops` and the outputs class_logits and box_codes.
  void boxes();
  /// Adds `mask_crops`; the fourth stage on them, with the parameters that `boxes` has.
  Value mask_features();

 private:
  Value fourth_stage(const char* part, Value crops) const;

  Scope net_;
  const RcnnSettings& settings_;
  C4Options options_;
  int64_t channels_ = 0;  // of the cropped map
};

}  // namespace vitrail
