#include "vitrail/nets/instance/c4.h"

#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/nets/instance/rcnn_heads.h"
#include "vitrail/nets/instance/rpn.h"

namespace vitrail {

RcnnSettings c4_settings(int64_t depth) {
  RcnnSettings settings = detectron2_settings(depth);
  RcnnSystem& system = settings.system;
  system.anchors = rpn_anchors({.sizes = {{32, 64, 128, 256, 512}}, .steps = {16}});
  system.proposal_strides = system.strides = {16};
  system.proposals.before_suppression = 6000;
  system.training_proposals.before_suppression = 12000;
  system.training_proposals.per_class = system.training_proposals.total = 2000;
  system.box_crop = system.mask_crop = 14;
  return settings;
}

C4::C4(Graph& graph, const RcnnSettings& settings, const C4Options& options)
    : net_(graph), settings_(settings), options_(options) {}

ResNetMaps C4::trunk() {
  Graph& graph = net_.graph();
  ResNetOptions encoder = settings_.encoder;
  encoder.stages = 3;
  const Scope backbone = settings_.encoder_scope(net_ / "backbone");
  const ResNetMaps maps = resnet(backbone, graph.input("image", {-1, 3, -1, -1}), encoder);
  const int64_t stride = settings_.system.strides.at(0);
  channels_ = graph.channels(maps.stage(3));
  add_rpn_outputs(net_, {{maps.stage(3), stride}},
                  {.anchors = anchors_per_cell(settings_.system.anchors).at(0),
                   .channels = options_.rpn_channels,
                   .dilation = options_.rpn_dilation,
                   .two_logits = options_.two_logits});
  graph.output(cat("features_", stride), maps.stage(3));
  return maps;
}

Value C4::fourth_stage(const char* part, Value crops) const {
  const Scope scope = settings_.encoder_scope(net_ / "roi_heads" / part).sharing(net_ / "backbone");
  return resnet_stage(scope, crops, settings_.encoder, 4, options_.crop_stride);
}

void C4::boxes() {
  Graph& graph = net_.graph();
  const Scope heads = net_ / "roi_heads";
  const Value crops = graph.input("box_crops", {-1, channels_, options_.crop, options_.crop});
  const Value mean = global_average_pool(heads / "box_features", fourth_stage("boxes", crops));
  const Value features = graph.add(op::Flatten{.axis = 1}, {mean}, heads("box_features.flatten"));
  add_box_outputs(heads, features, {.classes = options_.classes, .boxes = options_.classes});
}

Value C4::mask_features() {
  const Value crops = net_.graph().input("mask_crops", {-1, channels_, options_.crop, options_.crop});
  return fourth_stage("masks", crops);
}

}  // namespace vitrail
