#pragma once
// What the Mask R-CNN networks are made with, and the options that all of them have.
//
//   RcnnSettings settings = detectron2_settings(50);      // encoder, images, how boxes are chosen
//   OptionReader read("mask-rcnn", options.set);
//   read_rcnn_options(read, settings);
//   read.finish();

#include <optional>

#include "vitrail/graph/model.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"

namespace vitrail {

struct RcnnSettings {
  ResNetOptions encoder;
  /// Epsilon of batch normalisations that are constant scales and shifts (detectron2, torchvision); nothing
  /// where they learn.
  std::optional<double> frozen_norm_epsilon = 1e-5;
  Preprocessing preprocessing;
  RcnnSystem system;

  Width width() const { return Width(encoder.width); }
  /// `scope` with its batch normalisations as said above.
  Scope encoder_scope(const Scope& scope) const;
};

/// detectron2's baselines (SPEC 10.1): ResNet of MSRA (stride on the first 1x1, BGR minus the mean), frozen
/// batch normalisation, short side 800, the best 100 boxes above .05. Strides and anchors are the network's
/// to add.
RcnnSettings detectron2_settings(int64_t depth);
/// torchvision's: stride on the 3x3, RGB; frozen batch normalisation with an epsilon of 0, as its published
/// weights want it.
RcnnSettings torchvision_settings(int64_t depth);
/// The Object Detection API's mask_rcnn_resnet101_atrous (SPEC 10.3): ResNet of slim dilated to stride 8,
/// learned batch normalisation.
RcnnSettings atrous_settings();

/// width; encoder=msra|torchvision; batch_norm=frozen|trained; norm_epsilon; short_side, long_side;
/// score_threshold, iou_threshold, boxes (of what is found), proposals (after suppression).
void read_rcnn_options(OptionReader& read, RcnnSettings& settings);

/// The task, the preprocessing and the system.
ModelInfo rcnn_info(const RcnnSettings& settings);

}  // namespace vitrail
