#include "vitrail/nets/semantic/resnet_segmenter.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/decoders/context.h"
#include "vitrail/nets/decoders/fcn_skip.h"
#include "vitrail/nets/decoders/jpu.h"
#include "vitrail/nets/heads/aspp.h"
#include "vitrail/nets/heads/encoding.h"
#include "vitrail/nets/heads/fcn.h"
#include "vitrail/nets/heads/psp.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

ResNetOptions read_encoder(OptionReader& read, ResNetOptions encoder) {
  encoder.width = read.number("width", encoder.width);
  encoder.deep_stem = read.flag("deep_stem", encoder.deep_stem);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.dilation = static_cast<ResNetDilation>(
      read.choice("dilation", {"half_first", "full"}, static_cast<size_t>(encoder.dilation)));
  const std::vector<int64_t> grid =
      read.integers("multi_grid", {encoder.multi_grid.begin(), encoder.multi_grid.end()});
  if (grid.size() != 3 || *std::min_element(grid.begin(), grid.end()) < 0)
    throw Error(ErrorKind::usage, {.where = "option multi_grid",
                                   .found = join(grid, ","),
                                   .allowed = "three rates: 1,2,4; 0,0,0 for none"});
  std::copy(grid.begin(), grid.end(), encoder.multi_grid.begin());
  return encoder;
}

MobileNetV1Options read_encoder(OptionReader& read, MobileNetV1Options encoder) {
  encoder.depth_multiplier = read.number("depth_multiplier", encoder.depth_multiplier);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.batch_norm_momentum = read.number("batch_norm_momentum", encoder.batch_norm_momentum);
  return encoder;
}

/// What the necks and heads need of an encoder.
struct EncoderMaps {
  std::array<Value, 3> pyramid;  ///< native strides 8, 16, 32
  Features features;
};

EncoderMaps encode(const Scope& scope, Value image, const ResNetOptions& encoder) {
  const ResNetMaps maps = resnet(scope, image, encoder);
  return {{maps.stage(2), maps.stage(3), maps.stage(4)}, maps.features()};
}

EncoderMaps encode(const Scope& scope, Value image, const MobileNetV1Options& encoder) {
  const Features maps = mobilenet_v1(scope, image, encoder);
  return {{maps.skips.at(1).value, maps.skips.at(0).value, maps.top}, maps};
}

template <class Encoder>
class Segmenter {
 public:
  Segmenter(const NetOptions& options, const Encoder& encoder, const ResNetSegmenter& parts)
      : classes_(options.classes),
        in_channels_(options.in_channels),
        encoder_(encoder),
        parts_(parts),
        read_("this network", options.set),
        net_(model_.graph) {}

  Model build(Preprocessing preprocessing) {
    encoder_ = read_encoder(read_, encoder_);
    parts_.auxiliary = read_.flag("aux", parts_.auxiliary);
    image_ = image_input(model_.graph, {.in_channels = in_channels_});
    const Value whole = scores_of(net_, image_), third_stage = maps_.pyramid[1];
    model_.graph.output("logits", to_image(net_ / "upsample", largest_of_scales(whole)));
    if (parts_.auxiliary) {
      const Value scores = fcn_head(net_ / "aux" / "conv5", third_stage, classes_);
      model_.graph.output("aux", to_image(net_ / "aux" / "upsample", scores), /*training_only=*/true);
    }
    if (presence_.exists()) model_.graph.output("se", presence_, /*training_only=*/true);
    for (const auto& [name, each] : scaled_)
      model_.graph.output(name, each, /*training_only=*/true);
    read_.finish();
    model_.info.preprocessing = std::move(preprocessing);
    return std::move(model_);
  }

 private:
  Value scores_of(const Scope& net, Value image) {
    maps_ = encode(net / "backbone", image, encoder_);
    return head(net / "head", neck());
  }

  // DeepLabv2's MSC: the same network on smaller copies of the image, and cell by cell the largest score.
  Value largest_of_scales(Value scores) {
    Graph& graph = model_.graph;
    if (parts_.head != SegmentationHead::aspp_v2) return scores;
    const std::vector<double> usual = parts_.multi_scale ? std::vector{0.75, 0.5} : std::vector<double>{};
    const std::vector<double> scales = read_.numbers("scales", usual);
    if (scales.empty()) return scores;
    scaled_.emplace_back("scale1", scores);
    Value largest = scores;
    for (const double scale : scales) {
      const std::string name = cat("scale", scale);
      check_scale(scale, name);
      const Scope copy = (net_ / name).sharing(net_);
      const Value small = graph.add(op::Resize{.scales = {{scale, scale}}}, {image_}, copy("image"));
      scaled_.emplace_back(name, scores_of(copy, small));
      const Value back = upsample_to(copy / "upsample", scaled_.back().second, scores);
      largest = graph.add(op::Binary{op::Binary::Function::maximum}, {largest, back}, copy("maximum"));
    }
    return largest;
  }

  void check_scale(double scale, const std::string& name) const {
    const bool twice =
        std::any_of(scaled_.begin(), scaled_.end(), [&](const auto& each) { return each.first == name; });
    if (scale > 0 && scale < 1 && !twice) return;
    throw Error(ErrorKind::usage,
                {.where = "option scales",
                 .found = twice ? cat(name, " twice") : cat(scale),
                 .allowed = "different factors between 0 and 1, beside the image itself: 0.75,0.5"});
  }

  Value to_image(const Scope& scope, Value scores) const {
    return upsample_to(scope, scores, image_,
                       parts_.caffe ? op::CoordinateMode::half_pixel : op::CoordinateMode::align_corners);
  }

  Value neck() {
    const std::array<Value, 3>& pyramid = maps_.pyramid;
    switch (parts_.neck) {
      case Neck::jpu: return jpu(net_ / "jpu", pyramid, {.width = read_.integer("jpu_width", 0)});
      case Neck::fpn: return feature_pyramid(net_ / "fpn", pyramid);
      case Neck::bilinear:
        return upsample_to(net_ / "upsample4", pyramid[2], pyramid[0], op::CoordinateMode::align_corners);
      case Neck::none: break;
    }
    return maps_.features.top;
  }

  Value head(const Scope& scope, Value map) {
    switch (parts_.head) {
      case SegmentationHead::score: return score(scope / "score", map, classes_);
      case SegmentationHead::fcn: return fcn_head(scope / "conv5", map, classes_);
      case SegmentationHead::fcn_skip: return skip_head(scope, map);
      case SegmentationHead::psp: return pyramid_head(scope, map);
      case SegmentationHead::encoding: return encoding_head(scope, map);
      case SegmentationHead::context:
        return context_module(scope / "context", score(scope / "score", map, classes_));
      default: return atrous_head(scope, map);
    }
  }

  Value skip_head(const Scope& scope, Value map) {
    const Value scores = score(scope / "score", map, classes_);
    return fcn_skip_steps(scope, scores, maps_.features, read_.integer("finest_skip", 8));
  }

  Value pyramid_head(const Scope& scope, Value map) {
    PspOptions psp;
    psp.bins = read_.integers("bins", psp.bins);
    psp.maximum = read_.choice("pool", {"average", "maximum"}, 0) == 1;
    psp.reduce = read_.flag("reduce", psp.reduce);
    return psp_head(scope, map, classes_, psp);
  }

  Value atrous_head(const Scope& scope, Value map) {
    if (parts_.head == SegmentationHead::aspp_v2)
      return aspp_v2(scope / "aspp", map, classes_, read_.integers("rates", {6, 12, 18, 24}));
    const bool coarse = parts_.neck == Neck::none && encoder_.output_stride >= 16;
    AsppOptions aspp{.dropout_per_channel = true, .last_dropout = 0.1};
    if (parts_.head == SegmentationHead::aspp_v3) aspp = {.dropout = 0.1, .extra_conv = false};
    aspp.rates =
        read_.integers("rates", coarse ? std::vector<int64_t>{6, 12, 18} : std::vector<int64_t>{12, 24, 36});
    return deeplabv3_head(scope, map, classes_, aspp);
  }

  Value encoding_head(const Scope& scope, Value map) {
    EncodingOptions encoding{.codewords = read_.integer("codewords", 32)};
    if (parts_.neck == Neck::jpu) encoding.first_kernel = 1;
    if (parts_.neck == Neck::fpn) encoding.width = model_.graph.channels(map);
    if (read_.flag("lateral", false)) {
      if (parts_.neck != Neck::none || encoder_.output_stride != 8)
        throw Error(ErrorKind::usage, {.where = "option lateral",
                                       .found = "an encoder that is not dilated to output stride 8",
                                       .allowed = "the maps that it joins must be of one size"});
      encoding.laterals = {maps_.pyramid[0], maps_.pyramid[1]};
    }
    const EncodingScores result = vitrail::encoding_head(scope, map, classes_, encoding);
    presence_ = result.presence;
    return result.scores;
  }

  int64_t classes_, in_channels_;
  Encoder encoder_;
  ResNetSegmenter parts_;
  OptionReader read_;
  Model model_;
  Scope net_;
  Value image_, presence_;
  std::vector<std::pair<std::string, Value>> scaled_;  // scores of each scale
  EncoderMaps maps_;
};

}  // namespace

Model resnet_segmenter(const NetOptions& options, ResNetSegmenter parts) {
  return Segmenter(options, parts.encoder, parts).build(parts.caffe ? caffe_bgr() : imagenet_rgb());
}

Model mobilenet_context(const NetOptions& options, const MobileNetV1Options& encoder, Neck neck,
                        SegmentationHead head) {
  return Segmenter(options, encoder, {.neck = neck, .head = head}).build(tensorflow_rgb());
}

}  // namespace vitrail
