#include "vitrail/nets/instance/rcnn_settings.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

Preprocessing detectron2_bgr() {
  return {.order = ChannelOrder::bgr, .mean = {103.53, 116.28, 123.675}, .std = {1, 1, 1}};
}

void take_torchvision_encoder(RcnnSettings& settings) {
  const int64_t multiple = settings.preprocessing.multiple;
  settings.encoder.stride_at = ResNetStride::conv3x3;
  settings.preprocessing = imagenet_rgb();
  settings.preprocessing.multiple = multiple;
}

int64_t in_range(OptionReader& read, const std::string& key, int64_t fallback, int64_t low, int64_t high) {
  const int64_t value = read.integer(key, fallback);
  if (value < low || value > high)
    throw Error(ErrorKind::usage,
                {.where = cat("option ", key), .found = cat(value), .allowed = cat(low, " to ", high)});
  return value;
}

double share(OptionReader& read, const std::string& key, double fallback) {
  const double value = read.number(key, fallback);
  if (!(value >= 0 && value <= 1))
    throw Error(ErrorKind::usage, {.where = cat("option ", key), .found = cat(value), .allowed = "0 to 1"});
  return value;
}

void read_norms(OptionReader& read, RcnnSettings& settings) {
  const std::vector<std::string> words{"frozen", "trained"};
  const bool trained = read.choice("batch_norm", words, settings.frozen_norm_epsilon ? 0 : 1) == 1;
  const double epsilon = read.number("norm_epsilon", settings.frozen_norm_epsilon.value_or(1e-5));
  if (!(epsilon > 0 && epsilon <= 1))
    throw Error(ErrorKind::usage,
                {.where = "option norm_epsilon", .found = cat(epsilon), .allowed = "above 0, at most 1"});
  settings.frozen_norm_epsilon = trained ? std::nullopt : std::optional(epsilon);
}

}  // namespace

Scope RcnnSettings::encoder_scope(const Scope& scope) const {
  return frozen_norm_epsilon ? scope.with_frozen_norms(*frozen_norm_epsilon) : scope;
}

RcnnSettings detectron2_settings(int64_t depth) {
  return {.encoder = {.depth = depth, .stride_at = ResNetStride::first_conv1x1},
          .frozen_norm_epsilon = 1e-5,
          .preprocessing = detectron2_bgr(),
          .system = {}};
}

RcnnSettings torchvision_settings(int64_t depth) {
  RcnnSettings settings{.encoder = {.depth = depth},
                        .frozen_norm_epsilon = 1e-12,
                        .preprocessing = imagenet_rgb(),
                        .system = {}};
  settings.system.crop = RcnnSystem::Crop::roi_align_legacy;
  settings.system.sampling_ratio = 2;
  settings.system.smallest_proposal = 1e-3;
  settings.system.smallest_detection = 1e-2;
  settings.system.background_columns = true;
  settings.system.torchvision = true;
  return settings;
}

RcnnSettings atrous_settings() {
  RcnnSettings settings{
      .encoder = {.depth = 101, .output_stride = 8, .stride_at = ResNetStride::last_block},
      .frozen_norm_epsilon = std::nullopt,
      .preprocessing = {.order = ChannelOrder::rgb, .mean = {123.68, 116.779, 103.939}, .std = {1, 1, 1}},
      .system = {}};
  RcnnSystem& system = settings.system;
  system.rpn_coding =
      system.box_coding = {.scales = {10, 10, 5, 5}, .y_first = true, .largest_log = 80.0 / 5};
  system.proposals.before_suppression = 0;
  system.proposals.per_class = system.proposals.total = 300;
  system.training_proposals = system.proposals;
  system.detections = {.score_threshold = 0, .iou_threshold = 0.6, .per_class = 100, .total = 300};
  system.crop = RcnnSystem::Crop::crop_and_resize_pooled;
  system.long_side = 1365;
  return settings;
}

void read_rcnn_options(OptionReader& read, RcnnSettings& settings) {
  RcnnSystem& system = settings.system;
  settings.encoder.width = read.number("width", settings.encoder.width);
  const bool msra = settings.encoder.stride_at == ResNetStride::first_conv1x1;
  if (msra && read.choice("encoder", {"msra", "torchvision"}, 0) == 1) take_torchvision_encoder(settings);
  read_norms(read, settings);
  system.short_side = in_range(read, "short_side", system.short_side, 16, 8192);
  system.long_side = in_range(read, "long_side", system.long_side, system.short_side, 16384);
  system.detections.score_threshold = share(read, "score_threshold", system.detections.score_threshold);
  system.detections.iou_threshold = share(read, "iou_threshold", system.detections.iou_threshold);
  system.detections.total = in_range(read, "boxes", system.detections.total, 1, 10000);
  system.proposals.total = in_range(read, "proposals", system.proposals.total, 1, 10000);
}

ModelInfo rcnn_info(const RcnnSettings& settings) {
  ModelInfo info;
  info.task = Task::instance;
  info.preprocessing = settings.preprocessing;
  info.instance = settings.system;
  return info;
}

}  // namespace vitrail
