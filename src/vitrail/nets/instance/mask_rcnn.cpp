#include "vitrail/nets/instance/mask_rcnn.h"

#include <cmath>

#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/nets/instance/c4.h"
#include "vitrail/nets/instance/fpn.h"
#include "vitrail/nets/instance/rcnn_heads.h"
#include "vitrail/nets/instance/rpn.h"

namespace vitrail {
namespace {

constexpr int64_t pyramid_channels = 256, fully_connected = 1024;

// All but torchvision's is detectron2's.
RcnnSettings pyramid_settings(int64_t depth, bool torchvision) {
  RcnnSettings settings = torchvision ? torchvision_settings(depth) : detectron2_settings(depth);
  settings.preprocessing.multiple = 32;
  RcnnSystem& system = settings.system;
  system.proposal_strides = {4, 8, 16, 32, 64};
  system.strides = {4, 8, 16, 32};
  RpnAnchors anchors{.sizes = {{32}, {64}, {128}, {256}, {512}}, .whole = torchvision};
  if (!torchvision) anchors.steps = {4, 8, 16, 32, 64};
  system.anchors = rpn_anchors(anchors);
  return settings;
}

void pyramid_trunk(const Scope& net, const RcnnSettings& settings) {
  Graph& graph = net.graph();
  const ResNetMaps maps = resnet(settings.encoder_scope(net / "backbone" / "body"),
                                 graph.input("image", {-1, 3, -1, -1}), settings.encoder);
  const Scope fpn = net / "backbone" / "fpn";
  std::vector<Value> pyramid = feature_pyramid_network(
      fpn, {maps.stage(1), maps.stage(2), maps.stage(3), maps.stage(4)}, settings.width()(pyramid_channels));
  pyramid.push_back(coarser(fpn / "pool", pyramid.back()));
  std::vector<Feature> levels;
  for (size_t i = 0; i < pyramid.size(); ++i)
    levels.push_back({pyramid[i], settings.system.proposal_strides[i]});
  add_rpn_outputs(net, levels, {.anchors = anchors_per_cell(settings.system.anchors).at(0)});
  for (size_t i = 0; i < settings.system.strides.size(); ++i)
    graph.output(cat("features_", settings.system.strides[i]), pyramid[i]);
}

Model pyramid_net(const NetOptions& options, int64_t depth, bool torchvision) {
  RcnnSettings settings = pyramid_settings(depth, torchvision);
  OptionReader read("mask-rcnn", options.set);
  read_rcnn_options(read, settings);
  read.finish();

  Model model;
  Graph& graph = model.graph;
  const Scope net(graph), heads = net / "roi_heads";
  pyramid_trunk(net, settings);
  const int64_t channels = settings.width()(pyramid_channels),
                columns = options.classes + (torchvision ? 1 : 0);
  const Value box_crops =
      graph.input("box_crops", {-1, channels, settings.system.box_crop, settings.system.box_crop});
  add_box_outputs(heads, box_features(heads, box_crops, settings.width()(fully_connected)),
                  {.classes = options.classes, .boxes = columns});
  const Value mask_crops =
      graph.input("mask_crops", {-1, channels, settings.system.mask_crop, settings.system.mask_crop});
  graph.output("mask_logits", mask_scores(heads, mask_crops, channels, columns));
  model.info = rcnn_info(settings);
  return model;
}

Model c4_net(const NetOptions& options, int64_t depth) {
  RcnnSettings settings = c4_settings(depth);
  OptionReader read("mask-rcnn", options.set);
  read_rcnn_options(read, settings);
  read.finish();

  Model model;
  C4 net(model.graph, settings, {.classes = options.classes});
  net.trunk();
  net.boxes();
  const Scope heads(model.graph, "roi_heads");
  model.graph.output("mask_logits", mask_predictor(heads, net.mask_features(),
                                                   settings.width()(pyramid_channels), options.classes));
  model.info = rcnn_info(settings);
  return model;
}

// The Object Detection API's rule for the depth of mask convolutions.
int64_t automatic_depth(int64_t channels, int64_t classes) {
  return static_cast<int64_t>(std::exp2(std::round(
      (2 * std::log2(static_cast<double>(channels)) + 3 * std::log2(static_cast<double>(classes))) / 5)));
}

Value atrous_masks(const Scope& scope, Value features, int64_t classes) {
  constexpr Pair side{33, 33};
  Graph& graph = scope.graph();
  const int64_t depth = automatic_depth(graph.channels(features), classes);
  Value x = graph.add(op::Resize{.mode = op::ResizeMode::linear,
                                 .coordinates = op::CoordinateMode::align_corners,
                                 .scales = std::nullopt,
                                 .sizes = side},
                      {features}, scope("resize"));
  for (int64_t i = 0; i < 3; ++i)
    x = conv_relu(scope / cat("conv", i), x, with_bias(conv3x3(depth)));
  return conv(scope / "out", x, with_bias(conv3x3(classes)));
}

}  // namespace

Model mask_rcnn(const NetOptions& options, int64_t depth, MaskRcnn form) {
  if (form == MaskRcnn::c4) return c4_net(options, depth);
  return pyramid_net(options, depth, form == MaskRcnn::torchvision);
}

Model mask_rcnn_atrous(const NetOptions& options) {
  RcnnSettings settings = atrous_settings();
  settings.system.anchors =
      rpn_anchors({.sizes = {{64, 128, 256, 512}}, .steps = {8}, .ratios_innermost = false});
  settings.system.proposal_strides = settings.system.strides = {8};
  settings.system.box_crop = settings.system.mask_crop = 7;
  OptionReader read("mask-rcnn", options.set);
  read_rcnn_options(read, settings);
  read.finish();

  Model model;
  C4 net(model.graph, settings,
         {.classes = options.classes,
          .rpn_channels = settings.width()(512),
          .rpn_dilation = 2,
          .two_logits = true,
          .crop_stride = 1,
          .crop = 7});
  net.trunk();
  net.boxes();
  const Scope masks(model.graph, "roi_heads.mask_predictor");
  model.graph.output("mask_logits", atrous_masks(masks, net.mask_features(), options.classes));
  model.info = rcnn_info(settings);
  return model;
}

}  // namespace vitrail
