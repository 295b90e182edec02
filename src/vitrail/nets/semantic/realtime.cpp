#include "vitrail/nets/semantic/realtime.h"

#include "vitrail/nets/decoders/fcn_skip.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

// Image -> encoder -> scores (with skip steps) -> bilinear to the image.
template <class Encoder>
Model segmenter(const Encoder& encode, const NetOptions& options, const RealtimeDecoder& decoder,
                Preprocessing preprocessing) {
  Model model;
  const Scope net(model.graph), head = net / "head";
  const Value image = image_input(model.graph, options);
  const Features features = encode(net / "backbone", image);
  Value scores = score(head / "score", features.top, options.classes);
  if (decoder.finest_skip > 0) scores = fcn_skip_steps(head, scores, features, decoder.finest_skip);
  model.graph.output("logits", upsample_to(head / "upsample", scores, image));
  model.info.preprocessing = std::move(preprocessing);
  return model;
}

}  // namespace

Model mobilenet_segmenter(const NetOptions& options, MobileNetV1Options encoder, RealtimeDecoder decoder) {
  OptionReader read("mobilenet", options.set);
  encoder.depth_multiplier = read.number("depth_multiplier", encoder.depth_multiplier);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.last_atrous_rate = read.integer("last_atrous_rate", encoder.last_atrous_rate);
  encoder.batch_norm_momentum = read.number("batch_norm_momentum", encoder.batch_norm_momentum);
  read.finish();
  const auto encode = [&](const Scope& scope, Value image) { return mobilenet_v1(scope, image, encoder); };
  return segmenter(encode, options, decoder, tensorflow_rgb());
}

Model squeezenet_segmenter(const NetOptions& options, SqueezeNetOptions encoder, RealtimeDecoder decoder) {
  OptionReader read("squeezenet", options.set);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.last_atrous_rate = read.integer("last_atrous_rate", encoder.last_atrous_rate);
  read.finish();
  const auto encode = [&](const Scope& scope, Value image) { return squeezenet(scope, image, encoder); };
  return segmenter(encode, options, decoder,
                   {.order = ChannelOrder::bgr, .mean = {104, 117, 123}, .std = {1, 1, 1}});
}

}  // namespace vitrail
